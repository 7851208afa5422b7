/** The result of one check of the doctor. */
export interface Finding {
  /** `stop`: nothing is distributed until it is fixed. `note`: worth knowing, harmless. */
  readonly level: 'ok' | 'note' | 'stop';
  readonly text: string;
  /** What to do; always present with `stop`. */
  readonly cure?: string;
}

export const ok = (text: string): Finding => ({ level: 'ok', text });
export const note = (text: string, cure?: string): Finding =>
  cure === undefined ? { level: 'note', text } : { level: 'note', text, cure };
export const stop = (text: string, cure: string): Finding => ({ level: 'stop', text, cure });
