import { openCache, runSubsetWithDefaultRunner, type NxStatuses } from '../../src';
import { prepareMainJob, runAll } from '../support/main-job';

export interface MainRunInput {
  targets: string[];
  nxArgs?: Record<string, unknown>;
  /** Omitted: Nx's own runner runs everything. */
  subset?: { taskIds: string[]; failedTaskIds?: string[] };
  remoteCache?: { url: string; token: string };
  /** Variables of this run. */
  env?: Record<string, string>;
}

export interface MainRunResult {
  statuses: NxStatuses;
  calls: string[];
  /** Hashes before anything ran, and after. */
  upFront: Record<string, string | undefined>;
  hashes: Record<string, string | undefined>;
}

export async function run(input: MainRunInput): Promise<MainRunResult> {
  Object.assign(process.env, input.env);
  const job = await prepareMainJob(input.targets, input.nxArgs);
  const { options, context, calls } = job;
  const { tasks } = context.taskGraph;
  const hashes = (): MainRunResult['hashes'] => Object.fromEntries(Object.values(tasks).map(({ id, hash }) => [id, hash]));
  const upFront = hashes();
  const cache = input.remoteCache && (await openCache({ remoteCache: input.remoteCache }));
  const statuses = input.subset
    ? await runSubsetWithDefaultRunner({ ...input.subset, options, context, cache })
    : await runAll(job);
  return { statuses, calls, upFront, hashes: hashes() };
}
