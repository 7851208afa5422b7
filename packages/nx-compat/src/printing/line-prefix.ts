/** SGR numbers in the order in which Nx uses them. 21 replaced the two reds, which looked like errors. */
const PALETTE_20 = [32, 92, 31, 91, 36, 96, 33, 93, 35, 95];
const PALETTE_21_PLUS = [32, 92, 34, 94, 36, 96, 33, 93, 35, 95];

/** Line ends at which Nx splits for prefixing. */
export const LINE_END = /\r\n|[\n\v\f\r\x85\u2028\u2029]/;

/**
 * `project:` in the bold colour that Nx gives that project.
 * @param coloured whether this terminal has colours
 */
export function linePrefix(nxMajor: number, project: string, coloured: boolean): string {
  const text = `${project}:`;
  if (!coloured) return text;
  const palette = nxMajor < 21 ? PALETTE_20 : PALETTE_21_PLUS;
  let sum = 0;
  for (let i = 0; i < project.length; i++) sum += project.charCodeAt(i);
  const colour = palette[sum % palette.length] ?? 32;
  return `\u001b[1m\u001b[${String(colour)}m${text}\u001b[39m\u001b[22m`;
}

/** Cuts chunks into complete lines: Nx prefixes the lines of each chunk, so a line that came in two chunks would have two prefixes. */
export class LineSplitter {
  private rest = '';

  /** The lines that this chunk completes, without empty ones, as in Nx. */
  push(chunk: string): string[] {
    const text = this.rest + chunk;
    // A carriage return at the very end may be half of a line end.
    const held = text.endsWith('\r') ? '\r' : '';
    const lines = (held ? text.slice(0, -1) : text).split(LINE_END);
    this.rest = (lines.pop() ?? '') + held;
    return lines.filter((line) => line !== '');
  }

  /** Text without a line end. */
  end(): string[] {
    const { rest } = this;
    this.rest = '';
    return rest.replace(/\r$/, '') === '' ? [] : [rest.replace(/\r$/, '')];
  }
}
