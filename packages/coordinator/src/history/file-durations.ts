import type { BookFormat } from './book';
import { BookFiles, type HistoryFileOptions } from './book-files';
import { DurationBook, type DurationLimits } from './duration-book';
import type { DurationEntry } from './duration-entry';
import { durationLines, parseDurations } from './duration-lines';
import type { Duration, DurationEstimates, DurationHistory } from './durations';
import { Estimates } from './estimates';

export interface FileDurationHistoryOptions extends HistoryFileOptions {
  readonly limits: DurationLimits;
}

/** A line has about 100 bytes. A file far above what `durationEntries` allows was not written by dte. A part of that limit. */
const MAX_LINE_BYTES = 250;

const formatOf = (limits: DurationLimits): BookFormat<DurationBook, Duration, DurationEntry> => ({
  what: 'the history of durations',
  suffix: '.durations.jsonl',
  maxBytes: limits.durationEntries * MAX_LINE_BYTES,
  limit: 'durationEntries',
  create: () => new DurationBook(limits),
  text: durationLines,
  parse: parseDurations,
});

/**
 * Durations as files of lines, `<root>/<project>.durations.jsonl`, beside those of `FileTaskHistory`. Of several lines of one task,
 * the one with the latest run counts, in whatever order they are: a copy that a CI cache brought back loses what ran since, and no more.
 */
export class FileDurationHistory implements DurationHistory {
  private readonly files: BookFiles<DurationBook, Duration, DurationEntry>;

  constructor(root: string, { limits, ...options }: FileDurationHistoryOptions) {
    this.files = new BookFiles(root, formatOf(limits), options);
  }

  /** @throws DteError DTE_DISK_FULL, or the error of the disk */
  note(project: string, durations: readonly Duration[]): Promise<void> {
    return this.files.append(project, durations);
  }

  estimates(project: string, nowMs: number): Promise<DurationEstimates> {
    return this.files.read(project, (book) => {
      book.expire(nowMs);
      return new Estimates(book.lines());
    });
  }

  close(): Promise<void> {
    return this.files.close();
  }
}
