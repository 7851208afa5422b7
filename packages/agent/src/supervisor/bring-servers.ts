import { DteError } from '@org/dte-protocol';
import { type NeedsServers, type Served, keyOf } from '../executor/ipc';
import { reasonOf } from '../executor/reason';
import { type AttemptTable } from './attempt-table';
import { type SupervisorOptions } from './supervisor-options';

/** Brings up the servers that an attempt needs, and tells its executor. */
export async function bringServers(
  { runFiles, servers, pool }: Pick<SupervisorOptions, 'runFiles' | 'servers' | 'pool'>,
  attempts: Pick<AttemptTable, 'isRunBy'>,
  executorId: number,
  message: NeedsServers,
): Promise<void> {
  const key = keyOf(message.ref);
  const outcome = await runFiles
    .get(message.ref.runId)
    .then((run) => servers.bring(key, message, run))
    .catch((thrown: unknown): Served => ({ kind: 'unable', reason: reasonOf(DteError.from(thrown)) }));
  // An executor that was stopped since does not listen any more, and holds nothing.
  if (attempts.isRunBy(key, executorId)) pool.send(executorId, { type: 'served', ref: message.ref, outcome });
  else servers.release(key);
}
