import { DurationBook, type DurationLimits } from './duration-book';
import type { Duration, DurationEstimates, DurationHistory } from './durations';
import { Estimates } from './estimates';

/** Keeps durations in memory; for specs and the simulation. */
export class MemoryDurationHistory implements DurationHistory {
  private readonly books = new Map<string, DurationBook>();

  constructor(private readonly limits: DurationLimits) {}

  note(project: string, durations: readonly Duration[]): Promise<void> {
    const book = this.books.get(project) ?? new DurationBook(this.limits);
    this.books.set(project, book);
    book.take(durations);
    return Promise.resolve();
  }

  estimates(project: string, nowMs: number): Promise<DurationEstimates> {
    const book = this.books.get(project);
    book?.expire(nowMs);
    return Promise.resolve(new Estimates(book?.lines() ?? []));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
