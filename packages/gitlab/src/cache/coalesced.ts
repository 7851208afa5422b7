/** Does a piece of work some time after it was asked for, once for all that have asked meanwhile. */
export class Coalesced {
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly work: () => void,
    /** Asked when the pause begins. */
    private readonly pauseMs: () => number,
  ) {}

  ask(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.work();
    }, this.pauseMs()).unref();
  }

  /** What was asked for is not done any more. */
  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
