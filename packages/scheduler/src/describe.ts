import {
  type AgentInfo,
  type EndedStatus,
  introductionOf,
  type RunLogEntry,
  type SessionInfo,
  type SessionStatus,
} from '@org/dte-protocol';
import type { Lease } from './lease';
import type { AgentState, SchedulerState } from './state';

/** The session for people: `dte status` prints it, together with the records that the coordinator stores. */
export function describe(state: SchedulerState): Omit<SessionStatus, 'records'> {
  const { sessionId, session } = state;
  return {
    sessionId,
    state: session.phase,
    settings: session.settings,
    agents: agentInfos(state),
    ...releasedOf(state),
    runs: Array.from(state.runs.values(), (run) => ({
      runId: run.runId,
      command: run.command,
      state: run.closed && run.phase === 'finished' ? ('closed' as const) : run.phase,
      total: run.total,
      done: run.done,
      failed: run.failed,
      running: run.leases.size - run.ahead,
    })),
  };
}

/** The session's members as main jobs and observers see them; also among the effects of `step` when they change. */
export const sessionInfo = (state: SchedulerState): SessionInfo => ({
  type: 'session.info',
  sessionId: state.sessionId,
  state: state.session.phase,
  agents: agentInfos(state),
  refused: [...state.session.refused],
  ...releasedOf(state),
});

const releasedOf = ({ release }: SchedulerState): { released?: number } =>
  release.count === 0 ? {} : { released: release.count };

/** Its main job has everything that it needs of the run: nothing of it is assigned or sent any more, ever. */
export const isClosed = (state: SchedulerState, runId: string): boolean =>
  state.runs.get(runId)?.closed === true;

/** Runs whose log may still grow, in order of submission. */
export const openRuns = (state: SchedulerState): string[] => [...state.openRuns];

/** The entries of a run's log after the one with this number, without those that were deleted: its main job has processed them. */
export function entriesAfter(state: SchedulerState, runId: string, seq: number): readonly RunLogEntry[] {
  const log = state.runs.get(runId)?.log;
  if (log === undefined) return [];
  return log.entries.slice(Math.max(0, seq - log.baseSeq));
}

/** How many entries of a run's log were deleted. */
export const entriesDeleted = (state: SchedulerState, runId: string): number =>
  state.runs.get(runId)?.log.baseSeq ?? 0;

/** How long each task of a run is expected to run, in the order of its spec, see `RunGraph`; empty for a closed run. */
export const expectedDurations = (state: SchedulerState, runId: string): readonly (number | null)[] =>
  state.runs.get(runId)?.graph.expectedMs ?? [];

/** The tasks of a run that have ended on agents, and how; empty for a closed run, whose tasks are forgotten. */
export function endedTasks(
  state: SchedulerState,
  runId: string,
): { readonly taskId: string; readonly status: EndedStatus }[] {
  const run = state.runs.get(runId);
  if (run === undefined) return [];
  return run.tasks.flatMap(({ kind, state: { name, ...rest } }, index) => {
    const taskId = run.graph.ids[index];
    const status = name === 'ended' && 'status' in rest ? rest.status : null;
    return kind !== 'pending' || taskId === undefined || status === null ? [] : [{ taskId, status }];
  });
}

const agentInfos = (state: SchedulerState): AgentInfo[] => Array.from(state.agents.values(), agentInfo);

const tasksOf = ({ assignment: { taskId, members } }: Lease): string[] =>
  members?.map((member) => member.taskId) ?? [taskId];

function agentInfo(agent: AgentState): AgentInfo {
  const { agentId, slots, connected, leases, finished, labels, onlyRun, capacity } = agent;
  return {
    agentId,
    ...introductionOf(agent),
    slots,
    connected,
    draining: agent.draining || agent.released !== null,
    running: Array.from(leases).flatMap(tasksOf),
    finished,
    labels: [...labels],
    ...(onlyRun === null ? {} : { onlyRun }),
    ...(capacity === null ? {} : { capacity: { ...capacity } }),
  };
}
