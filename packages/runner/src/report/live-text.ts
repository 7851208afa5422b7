/** So much of the printed end is compared with the stored output, to know that one begins with the other. Not a limit: all of it is shown. */
const TAIL = 256;

/** A text of ours below a task's output, on a line of its own. */
export const withNote = (output: string, note: string): string =>
  note === '' || output === '' || output.endsWith('\n') ? output + note : `${output}\n${note}`;

/** A piece of live output, as `run.output` brings it. */
export interface LivePiece {
  readonly attempt: number;
  readonly offset: number;
  readonly data: string;
  readonly last?: true | undefined;
}

/**
 * The output of one task as it reaches the terminal: live pieces while they are contiguous, what is missing at the
 * end. Live output is best effort, the stored one is the truth.
 */
export class LiveText {
  private attempt = 0;
  private printed = 0;
  private tail = '';
  private complete = false;
  private begun = false;
  private again = false;

  /** Whether the text handed out last is an output from its beginning, and (some of) one was handed out before. */
  get startsOver(): boolean {
    return this.again;
  }

  /** The part of a piece that can be printed now; empty when it is old, or when something before it is missing. */
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
   * What is still to be printed of the whole output; all of it when the live pieces were not its beginning. Nx adds lines of
   * its own to what it stores (a command's name, its exit code) that it does not print while a task runs: when everything
   * the task said was printed, nothing is left.
   * @param note what we have to say below it, on a line of its own
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
