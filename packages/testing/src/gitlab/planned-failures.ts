import type { Answer } from './answer';

/** What happens to a request instead of an answer. */
export type Failure = number | 'reset' | 'hang';

export interface FailureOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly times?: number;
  readonly path?: string;
}

export interface PlannedFailure {
  readonly failure: Failure;
  readonly headers: Readonly<Record<string, string>>;
}

/** Failures that a test has requested, in that order. */
export class PlannedFailures {
  private readonly planned: (PlannedFailure & { readonly path: string; left: number })[] = [];

  add(failure: Failure, { headers = {}, times = 1, path = '' }: FailureOptions = {}): void {
    this.planned.push({ failure, headers, path, left: times });
  }

  /** The failure for this request; null: it gets its answer. */
  take(target: string): PlannedFailure | null {
    const plan = this.planned.find(({ left, path }) => left > 0 && target.includes(path));
    if (plan === undefined) return null;
    plan.left--;
    return plan;
  }
}

export const failureAnswer = (status: number, headers: Readonly<Record<string, string>>): Answer =>
  status === 429
    ? { status, headers: { 'retry-after': '1', ...headers }, body: 'Retry later\n' }
    : { status, headers, body: { message: `${status} (planned by the test)` } };
