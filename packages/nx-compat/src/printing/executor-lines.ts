/** `> ` as run-commands prints it, in colour or not. */
const MARKS = ['\u001b[2m> \u001b[22m', '> '];
const HEADER_END = '\r\n\r\n';
/** The rest of a header if a chunk ends inside its end. */
const HEADER_ENDS_BEGUN = ['', '\r', '\r\n', '\r\n\r'];

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const warningOf = (command: string): string =>
  `Warning: command "${command}" exited with non-zero status code`;

/** How many characters at the end of a text may be the beginning of this one; a complete match does not count. */
function begunAtEnd(text: string, whole: string): number {
  for (let length = Math.min(whole.length - 1, text.length); length > 0; length--)
    if (text.endsWith(whole.slice(0, length))) return length;
  return 0;
}

/** The header of one command of the target: `> `, the command with its arguments, an empty line. */
class Header {
  private readonly begins: readonly string[];
  private readonly pattern: RegExp;
  private readonly argumentsBegun: RegExp;

  private constructor(known: string, isOpen: boolean) {
    const rest = isOpen ? '[^\\r\\n]*' : '(?: [^\\r\\n]*)?';
    this.begins = MARKS.map((mark) => mark + known);
    this.pattern = new RegExp(`(?:${MARKS.map(escaped).join('|')})(${escaped(known)}${rest})${HEADER_END}`);
    this.argumentsBegun = new RegExp(`^${rest}$`);
  }

  /** Undefined for a command that consists only of arguments: every line that looks like a header would match. */
  static of(command: string): Header | undefined {
    const [known = ''] = command.split('{args', 1);
    return known.trim() === '' ? undefined : new Header(known, known !== command);
  }

  find(text: string): { from: number; to: number; command: string } | undefined {
    const match = this.pattern.exec(text);
    if (match === null) return undefined;
    return { from: match.index, to: match.index + match[0].length, command: match[1] ?? '' };
  }

  /** From here on, a text may be the beginning of this header. */
  begunAt(text: string): number {
    return Math.min(...this.begins.map((begin) => this.begunWith(text, begin)));
  }

  private begunWith(text: string, begin: string): number {
    const at = text.lastIndexOf(begin);
    const rest = text.slice(at + begin.length);
    const end = HEADER_ENDS_BEGUN.findLast((candidate) => rest.endsWith(candidate)) ?? '';
    if (at >= 0 && this.argumentsBegun.test(rest.slice(0, rest.length - end.length))) return at;
    return text.length - begunAtEnd(text, begin);
  }
}

/**
 * Removes from a task's output what run-commands itself prints around its commands: a header before each, and a warning
 * below a failed one. Each is recognized by its full text (the command, line ends that only Nx writes, its position)
 * and removed once. In doubt, a line stays: an extra line is better than a missing line of the user. So the header of a
 * command that begins with an argument (`{args.tool} ...`) stays.
 */
export class ExecutorLines {
  private expected: Header[];
  private warnings: string[] = [];
  private held = '';

  /**
   * @param commands of the task's target, with arguments not filled in; none for another executor
   * @param keepHeaders remove only the warnings
   */
  constructor(
    commands: readonly string[],
    private readonly keepHeaders: boolean,
  ) {
    this.expected = commands.map((command) => Header.of(command)).filter((header) => header !== undefined);
  }

  /** The part of the text so far that can be shown, line by line; the end may be held back until it is unambiguous. */
  push(chunk: string): string {
    const text = this.withoutHeaders(this.held + chunk);
    const keptFrom = Math.min(
      ...this.expected.map((header) => header.begunAt(text.unsure)),
      this.warningsAt(text.unsure, true),
    );
    this.held = text.unsure.slice(keptFrom);
    return text.sure + text.unsure.slice(0, keptFrom);
  }

  /** The text that was held back, after the last chunk. */
  end(): string {
    const { held } = this;
    this.held = '';
    return held.slice(0, this.warningsAt(held, false));
  }

  private withoutHeaders(text: string): { sure: string; unsure: string } {
    let [sure, unsure] = ['', text];
    for (let next = this.nextHeader(unsure); next !== undefined; next = this.nextHeader(unsure)) {
      const { header, from, to, command } = next;
      this.expected = this.expected.filter((other) => other !== header);
      this.warnings.push(warningOf(command));
      // Text that the previous command left without a line end is a separate line.
      sure += `${unsure.slice(0, from)}\n${this.keepHeaders ? unsure.slice(from, to) : ''}`;
      unsure = unsure.slice(to);
    }
    return { sure, unsure };
  }

  private nextHeader(text: string) {
    return this.expected
      .map((header) => ({ header, ...(header.find(text) ?? { from: -1, to: -1, command: '' }) }))
      .filter(({ from }) => from >= 0)
      .sort((a, b) => a.from - b.from)[0];
  }

  /** Where the warnings at the end of a text begin. On 20, several commands may have one each. */
  private warningsAt(text: string, mayGoOn: boolean): number {
    const wholes = [...this.warnings, ...this.warnings.map((warning) => `${warning}\r\n`)];
    let at = text.length;
    if (mayGoOn) at -= Math.max(0, ...wholes.map((whole) => begunAtEnd(text, whole)));
    for (;;) {
      const before = text.slice(0, at);
      const whole = wholes.find((candidate) => before.endsWith(candidate));
      if (whole === undefined) return at;
      at -= whole.length;
    }
  }
}
