import { duration } from '@org/dte-protocol';
import { clearLine, cursorTo } from 'node:readline';

/** How often the line of a terminal is rewritten. Not configurable: often enough to look alive. */
const REDRAW_MS = 1_000;
/** How often a log gets a line. Not configurable: CI systems stop jobs that print nothing for minutes. */
const LOG_LINE_MS = 30_000;
/** Width of a terminal that does not say it. */
const USUAL_COLUMNS = 80;

/** Where progress is shown. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What is done at the moment, and how far it is. */
export type Live = () => string;

/** Shows what runs and for how long: one line that is rewritten in a terminal, a line every 30 s in a log. */
export class Progress {
  constructor(private readonly screen: Screen & NodeJS.WritableStream) {}

  /**
   * Shows one step while `action` runs, and its result afterwards.
   * @param describe the result in one line
   */
  async step<T>(
    label: string,
    action: (live: (text: Live) => void) => Promise<T>,
    describe: (result: T) => string,
  ): Promise<T> {
    const startedAt = performance.now();
    let live: Live = () => '';
    const line = (): string => {
      const more = live();
      const time = duration(performance.now() - startedAt);
      return `${label} · ${time}${more === '' ? '' : ` · ${more}`}`;
    };
    const timer = setInterval(() => this.show(line()), this.isTerminal ? REDRAW_MS : LOG_LINE_MS);
    this.show(this.isTerminal ? line() : `${label} …`);
    try {
      const result = await action((text) => (live = text));
      this.clear();
      this.screen.write(`✔ ${describe(result)} · ${duration(performance.now() - startedAt)}\n`);
      return result;
    } catch (error) {
      this.clear();
      this.screen.write(`✖ ${label} · ${duration(performance.now() - startedAt)}\n`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** A line that stays. */
  say(line: string): void {
    this.clear();
    this.screen.write(`${line}\n`);
  }

  private get isTerminal(): boolean {
    return this.screen.isTTY === true;
  }

  private show(line: string): void {
    if (!this.isTerminal) {
      this.screen.write(`  ${line}\n`);
      return;
    }
    this.clear();
    const width = (this.screen.columns ?? USUAL_COLUMNS) - 1;
    const text = `… ${line}`;
    this.screen.write(text.length > width ? `${text.slice(0, width - 1)}…` : text);
  }

  private clear(): void {
    if (!this.isTerminal) return;
    cursorTo(this.screen, 0);
    clearLine(this.screen, 0);
  }
}
