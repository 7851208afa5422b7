import type { DteError } from '@org/dte-protocol';
import type { Voice } from './say';
import { isToldEach } from './untaken';

/** Explains each kind of problem once: if a hundred tasks have the same, one explanation is enough. */
export class Explainer {
  private readonly explained = new Set<string>();

  constructor(private readonly voice: Voice) {}

  /** @param again printed if the code was explained before; omitted: nothing, or only the message if each one matters */
  explain(error: DteError, again?: string): void {
    if (this.explained.has(error.code)) {
      const short = again ?? (isToldEach(error.code) ? error.message : undefined);
      if (short !== undefined) this.voice.line(`dte: ${short}`);
      return;
    }
    this.explained.add(error.code);
    this.voice.explain(error);
  }
}
