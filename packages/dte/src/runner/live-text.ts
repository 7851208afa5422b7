/** So much of the printed end is compared with the stored output, to know that one begins with the other. */
const TAIL = 256;

/**
 * The output of one task as it reaches the terminal: live pieces while they are contiguous, what is missing at the
 * end. Live output is best effort, the stored one is the truth.
 */
export class LiveText {
  private attempt = 0;
  private printed = 0;
  private tail = '';

  /** The part of a piece that can be printed now; empty when it is old, or when something before it is missing. */
  accept(attempt: number, offset: number, data: string): string {
    if (attempt < this.attempt) return '';
    if (attempt > this.attempt) {
      this.attempt = attempt;
      this.printed = 0;
      this.tail = '';
    }
    if (offset > this.printed) return '';
    const fresh = data.slice(this.printed - offset);
    this.printed += fresh.length;
    this.tail = (this.tail + fresh).slice(-TAIL);
    return fresh;
  }

  /** What is still to be printed of the whole output; all of it when the live pieces were not its beginning. */
  rest(attempt: number | null, whole: string): string {
    if (this.printed === 0 || attempt !== this.attempt) return whole;
    const matches = whole.slice(0, this.printed).endsWith(this.tail) && whole.length >= this.printed;
    return matches ? whole.slice(this.printed) : whole;
  }
}
