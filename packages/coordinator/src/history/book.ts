/** What a history knows about one project, in memory. */
export interface Book<News extends { readonly atMs: number }, Line> {
  readonly size: number;
  /** Adds what was stored earlier; the order of the lines of one writer is kept. */
  load(line: Line): void;
  /** Adds news. @returns the lines that have to be stored for it; none if nothing of it was new */
  take(news: readonly News[]): Line[];
  /** Removes what is of no use any more. */
  expire(nowMs: number): void;
  /** All that it knows: loading these lines into an empty book reproduces it. */
  lines(): Line[];
}

/** How books of one kind are stored. */
export interface BookFormat<B extends Book<News, Line>, News extends { readonly atMs: number }, Line> {
  /** For messages: `the history of flaky tasks`. */
  readonly what: string;
  /** What follows the project in the name of its file. */
  readonly suffix: string;
  /** A larger file was not written by dte. */
  readonly maxBytes: number;
  /** The limit that this follows from, for messages. */
  readonly limit: string;
  create(): B;
  text(lines: readonly Line[]): string;
  /** The file may come from a CI cache, which others can write: what is not a line of this format is counted and left out. */
  parse(text: string): { readonly lines: Line[]; readonly damaged: number };
}
