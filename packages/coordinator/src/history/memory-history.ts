import type { FlakyTask } from '@org/dte-protocol';
import { EvidenceBook, type HistoryLimits } from './evidence-book';
import type { Evidence, TaskHistory } from './history';

/** Keeps evidence in memory; for specs. */
export class MemoryTaskHistory implements TaskHistory {
  private readonly books = new Map<string, EvidenceBook>();

  constructor(private readonly limits: HistoryLimits) {}

  note(project: string, evidence: readonly Evidence[]): Promise<void> {
    const book = this.books.get(project) ?? new EvidenceBook(this.limits);
    this.books.set(project, book);
    book.take(evidence);
    return Promise.resolve();
  }

  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]> {
    return Promise.resolve(this.books.get(project)?.flaky(nowMs) ?? []);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
