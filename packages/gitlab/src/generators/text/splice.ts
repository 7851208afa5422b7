/** Replaces `[start, end)` of a text; everything else stays identical to the byte. Offsets refer to the original text. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @throws Error if two of them overlap, which is a bug of the caller */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let at = 0;
  for (const splice of [...splices].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (splice.start < at) throw new Error(`edits overlap at ${splice.start}`);
    result += text.slice(at, splice.start) + splice.text;
    at = splice.end;
  }
  return result + text.slice(at);
}

/** Offset of the first character of the line. */
export const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Offset after the line's newline, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  return newline === -1 ? text.length : newline + 1;
}

/** Starts at 1, as in editors. */
export const lineNumber = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

export const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset);

/** The newline that a text uses. */
export const newlineOf = (text: string): string => (/\r?\n/.exec(text)?.[0] === '\r\n' ? '\r\n' : '\n');

/** Adds complete lines after the line that contains `offset`, even if that is the last and has no newline. */
export function insertAfterLine(text: string, offset: number, lines: readonly string[]): Splice {
  const newline = newlineOf(text);
  const at = nextLine(text, offset);
  const endsWithNewline = at > 0 && text[at - 1] === '\n';
  const body = lines.join(newline);
  return { start: at, end: at, text: endsWithNewline || at === 0 ? body + newline : newline + body };
}
