import { type Assignment } from '@org/dte-protocol';
import { type RunMessage } from '../executor/ipc';
import { type DiskState } from './disk-state';
import { type RunInput } from './run-files';
import { type SupervisorOptions } from './supervisor-options';

/** A run, for an attempt that may have to wait for a slot. */
export type Handed = RunInput & Pick<RunMessage, 'waits'>;

/** The run as executors need it; the machine is prepared for the task, except for what its executor prepares. */
export async function prepareMachine(
  { runFiles, servers }: Pick<SupervisorOptions, 'runFiles' | 'servers'>,
  disk: Pick<DiskState, 'bring'>,
  assignment: Assignment,
): Promise<RunInput> {
  const [run] = await Promise.all([
    runFiles.get(assignment.runId),
    assignment.parallelism ? undefined : servers.stopIdle(),
    disk.bring(assignment),
  ]);
  return run;
}

/** What an executor gets of an attempt. */
export const runMessage = (
  { limits, pool, name }: Pick<SupervisorOptions, 'limits' | 'pool' | 'name'>,
  disk: DiskState,
  given: {
    readonly executorId: number;
    readonly assignment: Assignment;
    readonly run: Handed;
    readonly receivedMs: number;
  },
): RunMessage => ({
  ...given.run,
  ...disk.sharing,
  ...disk.begin(given.executorId, given.assignment),
  type: 'run',
  assignment: disk.assigned(given.assignment),
  agentName: name,
  receivedMs: given.receivedMs,
  restoreConcurrency: Math.max(1, Math.floor(limits.restoreConcurrency / pool.slots)),
});
