import type { FlakyTask } from '@org/dte-protocol';
import type { BookFormat } from './book';
import { BookFiles, type HistoryFileOptions } from './book-files';
import { EvidenceBook, type HistoryLimits } from './evidence-book';
import { evidenceLines, parseEvidence } from './evidence-lines';
import type { Evidence, TaskHistory } from './history';

export interface FileTaskHistoryOptions extends HistoryFileOptions {
  readonly limits: HistoryLimits;
}

/** A line has about 150 bytes. A file far above what `historyEntries` allows was not written by dte. A part of that limit. */
const MAX_LINE_BYTES = 2_500;

const formatOf = (limits: HistoryLimits): BookFormat<EvidenceBook, Evidence, Evidence> => ({
  what: 'the history of flaky tasks',
  suffix: '.ndjson',
  maxBytes: limits.historyEntries * MAX_LINE_BYTES,
  limit: 'historyEntries',
  create: () => new EvidenceBook(limits),
  text: evidenceLines,
  parse: parseEvidence,
});

/**
 * Histories as files of lines, `<root>/<project>.ndjson`. Several coordinators may write to one file (shell runners
 * whose jobs share a folder). A CI system keeps `<root>` between pipelines.
 */
export class FileTaskHistory implements TaskHistory {
  private readonly files: BookFiles<EvidenceBook, Evidence, Evidence>;

  constructor(root: string, { limits, ...options }: FileTaskHistoryOptions) {
    this.files = new BookFiles(root, formatOf(limits), options);
  }

  /** @throws DteError DTE_DISK_FULL, or the error of the disk */
  note(project: string, evidence: readonly Evidence[]): Promise<void> {
    return this.files.append(project, evidence);
  }

  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]> {
    return this.files.read(project, (book) => book.flaky(nowMs));
  }

  close(): Promise<void> {
    return this.files.close();
  }
}
