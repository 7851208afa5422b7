import { DteError, type ForwardedEnv, type RunSpec } from '@org/dte-protocol';

/** Which runs have forwarded values, and which of them have ended: all but the values. */
export interface ForwardingRuns {
  readonly expected: Set<string>;
  readonly over: Set<string>;
}

/**
 * Values of the runs of one session that may be secrets: in memory, while the run is open. They are never written to
 * disk: after a restart of the coordinator, the main jobs send them again.
 */
export class ForwardedEnvs {
  private expected = new Set<string>();
  private over = new Set<string>();
  private readonly values = new Map<string, ForwardedEnv>();

  /** Call this for each run of the session, including replayed ones. */
  begin({ runId, forwardedEnv = [] }: Pick<RunSpec, 'runId' | 'forwardedEnv'>): void {
    if (forwardedEnv.length > 0) this.expected.add(runId);
  }

  /** For a snapshot: no values. */
  runs(): ForwardingRuns {
    return { expected: this.expected, over: this.over };
  }

  resume({ expected, over }: ForwardingRuns): void {
    this.expected = expected;
    this.over = over;
  }

  /** The run has ended: no more requests are answered. */
  end(runId: string): void {
    this.values.delete(runId);
    if (this.expected.has(runId)) this.over.add(runId);
  }

  put(runId: string, env: ForwardedEnv): void {
    if (this.expected.has(runId) && !this.over.has(runId)) this.values.set(runId, env);
  }

  /** @throws DteError DTE_FORWARDED_ENV_MISSING: not received (again) yet. A task must not run without its forwarded variables. */
  get(runId: string): ForwardedEnv {
    if (!this.expected.has(runId)) return { values: {} };
    const known = this.values.get(runId);
    if (known !== undefined) return known;
    throw new DteError(
      'DTE_FORWARDED_ENV_MISSING',
      `The main job has not sent the values of forwardEnv for run ${runId} yet.`,
    );
  }
}
