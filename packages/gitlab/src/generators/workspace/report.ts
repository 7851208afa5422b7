/** What a generator did and what it could not do, for its user. */
export class Report {
  readonly changed: string[] = [];
  readonly withoutCounterpart: string[] = [];
  readonly byHand: string[] = [];
  private readonly tips: string[] = [];
  private readonly summaries: string[] = [];

  change(place: string, what: string): void {
    this.changed.push(`${place}: ${what}`);
  }

  /** Something from the previous setup that no longer exists. */
  dropped(place: string, what: string): void {
    this.withoutCounterpart.push(`${place}: ${what}`);
  }

  hand(place: string, what: string): void {
    this.byHand.push(`${place}: ${what}`);
  }

  /** A sentence about the result as a whole. */
  summary(text: string): void {
    this.summaries.push(text);
  }

  /** Something that only some users need to know. */
  tip(text: string): void {
    this.tips.push(text);
  }

  /** Text for the terminal, without a newline at the end. */
  render(title: string, whenDone: string): string {
    const lines = [this.changed.length === 0 ? `dte: ${title}: everything is up to date` : `dte: ${title}`];
    const section = (heading: string, entries: readonly string[]): void => {
      if (entries.length > 0) lines.push('', heading, ...entries.map((entry) => `  - ${entry}`));
    };
    section('Changed', this.changed);
    section('Removed, because dte has no equivalent', this.withoutCounterpart);
    section('To do manually', this.byHand);
    if (this.byHand.length === 0) lines.push('', `Nothing is left to do manually. ${whenDone}`);
    if (this.summaries.length > 0) lines.push('', ...this.summaries);
    return [...lines, ...this.tips].join('\n');
  }
}
