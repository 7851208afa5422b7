import { type RunSpec } from '@org/dte-protocol';
import { type HttpClient } from '../http';

/** Runs whose values an executor keeps: those whose specs it keeps. */
const KEPT_RUNS = 8;

/**
 * The values of `forwardEnv`, asked for once per run. They are in the memory of this process, and in the environment of the
 * tasks it runs, and nowhere else.
 */
export class ForwardedValues {
  private readonly runs = new Map<string, Record<string, string>>();

  constructor(private readonly http: Pick<HttpClient, 'getRunEnv'>) {}

  /**
   * Every forwarded variable; undefined for one that is not set in the main job, and so must not be set here.
   * @throws DteError DTE_FORWARDED_ENV_MISSING when the main job has not said them within `coordinatorGraceMs`
   */
  async get(
    { runId, forwardedEnv = [] }: Pick<RunSpec, 'runId' | 'forwardedEnv'>,
    signal: AbortSignal,
  ): Promise<Record<string, string | undefined>> {
    if (forwardedEnv.length === 0) return {};
    let values = this.runs.get(runId);
    if (values === undefined) {
      ({ values } = await this.http.getRunEnv(runId, signal));
      this.runs.set(runId, values);
      const [oldest] = this.runs.keys();
      if (oldest !== undefined && this.runs.size > KEPT_RUNS) this.runs.delete(oldest);
    }
    const known = values;
    return Object.fromEntries(forwardedEnv.map((name) => [name, known[name]]));
  }
}
