import { type TaskSpec } from '@org/dte-protocol';
import { type ResultMessage, type RunMessage } from './ipc';
import { type RestoreContext } from './restore-closure';

/** Outputs that may be on disk after an attempt. */
export function producedBy(
  { run }: RestoreContext,
  task: TaskSpec,
  members: RunMessage['assignment']['members'],
): Pick<ResultMessage, 'outputs' | 'members'> {
  const outputsOf = (taskId: string): string[] => [...(run.tasks.get(taskId)?.nxTask.outputs ?? [])];
  if (members === undefined) return { outputs: [...task.nxTask.outputs] };
  return {
    outputs: [...task.nxTask.outputs],
    members: members.map(({ taskId }) => ({ taskId, outputs: outputsOf(taskId) })),
  };
}
