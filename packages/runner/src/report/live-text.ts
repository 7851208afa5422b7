/** So much of the printed end is compared with the stored output, to know that one begins with the other. Not a limit: all of it is shown. */
const TAIL = 256;

/** Our text below a task's output, on a separate line. */
export const withNote = (output: string, note: string): string =>
  note === '' || output === '' || output.endsWith('\n') ? output + note : `${output}\n${note}`;

/** A piece of live output, as in `run.output`. */
export interface LivePiece {
  readonly attempt: number;
  readonly offset: number;
  readonly data: string;
  readonly last?: true | undefined;
}

/**
 * The output of one task as it reaches the terminal: live pieces while they are contiguous, the missing rest at the
 * end. Live output is best effort; the stored output is authoritative.
 */
export class LiveText {
  private attempt = 0;
  private printed = 0;
  private tail = '';
  private complete = false;
  private begun = false;
  private again = false;

  /** Whether the last returned text is an output from its beginning, after (a part of) one was returned before. */
  get startsOver(): boolean {
    return this.again;
  }

  /** The part of a piece that can be printed now; empty if it is old, or if something before it is missing. */
  accept({ attempt, offset, data, last }: LivePiece): string {
    this.again = false;
    if (attempt < this.attempt) return '';
    if (attempt > this.attempt) {
      this.attempt = attempt;
      this.printed = 0;
      this.tail = '';
      this.complete = false;
    }
    if (offset > this.printed) return '';
    const fresh = data.slice(this.printed - offset);
    this.handOut(fresh, this.printed === 0);
    this.printed += fresh.length;
    this.tail = (this.tail + fresh).slice(-TAIL);
    this.complete = last === true;
    return fresh;
  }

  /**
   * What remains to be printed of the whole output; all of it if the live pieces were not its beginning. Nx adds its
   * own lines to the stored output (a command's name, its exit code) that it does not print while a task runs: if
   * everything that the task printed was shown, nothing remains.
   * @param note our text below it, on a separate line
   */
  rest(attempt: number | null, whole: string, note = ''): string {
    if (this.printed === 0 || attempt !== this.attempt) {
      this.handOut(whole, true);
      return withNote(whole, note);
    }
    const matches = whole.slice(0, this.printed).endsWith(this.tail) && whole.length >= this.printed;
    const rest = this.complete ? '' : matches ? whole.slice(this.printed) : whole;
    this.handOut(rest, !matches);
    return rest === '' ? withNote(this.tail, note).slice(this.tail.length) : withNote(rest, note);
  }

  private handOut(text: string, fromStart: boolean): void {
    this.again = text !== '' && fromStart && this.begun;
    this.begun ||= text !== '';
  }
}
