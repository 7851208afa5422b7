import { type Artifact, type Assignment, type AttemptResult, LIMITS, type Work } from '@org/dte-protocol';
import { type AttemptRef, refOf } from '../executor/ipc';
import { type Attempt } from './reconcile';

/** The report to the coordinator about an attempt; null for one that it no longer wants. */
export function describeAttempt({ assignment, state }: Attempt): Work[] {
  const ref: AttemptRef = refOf(assignment);
  switch (state.name) {
    case 'waiting':
      return [{ ...ref, phase: { name: 'preparing' } }];
    case 'running':
      return [
        {
          ...ref,
          phase:
            state.startMs === null ? { name: 'preparing' } : { name: 'executing', startMs: state.startMs },
        },
      ];
    case 'stopping':
      // Reported as returned only after its processes have exited; until then, the coordinator must not assign it to another agent.
      return state.result === null ? [] : [{ ...ref, phase: { name: 'preparing' } }];
    case 'completed':
      return [{ ...ref, phase: { name: 'completed', result: state.result } }];
  }
}

const MOST_WORK = LIMITS.slotsPerAgent.value * 2;

/** The report about all attempts. */
export const describeWork = (attempts: ReadonlyMap<string, Attempt>): Work[] =>
  [...attempts.values()].flatMap(describeAttempt).slice(0, MOST_WORK);

/** The tasks of an assignment: one, or those of a batch. */
export const tasksOf = ({ taskId, members }: Assignment): string[] =>
  members?.map((member) => member.taskId) ?? [taskId];

/** Where the outputs of an attempt's tasks are. */
export function artifactsOf({ taskId }: Assignment, result: AttemptResult | null): Map<string, Artifact> {
  if (result === null || result.kind === 'returned') return new Map();
  const members = result.kind === 'batch' ? result.members : [{ taskId, result }];
  return new Map(members.flatMap((each) => (each.result ? [[each.taskId, each.result.artifact]] : [])));
}

/** It waited too long for tasks that write to the same outputs: those that run here. Elsewhere they may not. */
export const isBusy = (result: AttemptResult): boolean =>
  result.kind === 'returned' && result.reason.code === 'DTE_OUTPUTS_BUSY';

export const recalled = (): AttemptResult => ({
  kind: 'returned',
  reason: { code: 'DTE_RECALLED', message: 'The task had not started and was taken back.' },
});

export const left = (): AttemptResult => ({
  kind: 'returned',
  reason: { code: 'DTE_AGENT_LEFT', message: 'The agent was stopped and returned the task.' },
});
