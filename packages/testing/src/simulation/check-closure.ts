import type { Assignment } from '@org/dte-protocol';
import { demand } from './demand';
import { edgesOf, type SessionRecord } from './session-record';

/** Exactly the dependencies of the task that have outputs, in an order in which they can be restored, as they were stored. */
export function checkClosure(record: SessionRecord, { runId, taskId, closure, members }: Assignment): void {
  const own = new Set(members?.map((member) => member.taskId) ?? [taskId]);
  const below = new Set<string>();
  const stack = [...own];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const { id } of edgesOf(record.task(runId, at))) {
      if (below.has(id) || own.has(id)) continue;
      below.add(id);
      stack.push(id);
      const { state } = record.task(runId, id).initial;
      const status = record.ended.get(`${runId}/${id}`);
      demand(
        state === 'done' || state === 'server' || status === 'success' || record.areTogether(runId, at, id),
        `${taskId} starts though ${id} is ${status ?? 'not ended'}`,
      );
    }
  }
  // A batch may have run a task although another one in it, a dependency, failed.
  const expected = [...below].filter((id) => {
    const { state } = record.task(runId, id).initial;
    return state === 'done' || (state === 'pending' && record.ended.get(`${runId}/${id}`) === 'success');
  });
  const listed = new Set<string>();
  for (const entry of closure) {
    const { initial, hash } = record.task(runId, entry.taskId);
    const stored =
      initial.state === 'done'
        ? JSON.stringify({ hash, artifact: initial.artifact })
        : record.artifacts.get(`${runId}/${entry.taskId}`);
    const said = JSON.stringify({ hash: entry.hash, artifact: entry.artifact });
    demand(
      said === stored,
      `the closure of ${taskId} says ${said} of ${entry.taskId}, stored is ${stored ?? 'nothing'}`,
    );
    for (const { id } of record.task(runId, entry.taskId).dependencies) {
      demand(listed.has(id) || !expected.includes(id), `${entry.taskId} comes before ${id} in a closure`);
    }
    listed.add(entry.taskId);
  }
  demand(
    listed.size === expected.length && closure.length === expected.length,
    `the closure of ${taskId} is ${[...listed].join()} instead of ${expected.join()}`,
  );
}
