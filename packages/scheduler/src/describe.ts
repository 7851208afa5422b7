import { type AgentInfo, introductionOf, type SessionInfo, type SessionStatus } from '@org/dte-protocol';
import type { AgentState, Lease, SchedulerState } from './state';

/** The session for people: `dte status` prints it, together with the records that the coordinator stores. */
export function describe(state: SchedulerState): Omit<SessionStatus, 'records'> {
  const { sessionId, session } = state;
  return {
    sessionId,
    state: session.phase,
    settings: session.settings,
    agents: agentInfos(state),
    runs: Array.from(state.runs.values(), (run) => ({
      runId: run.runId,
      command: run.command,
      state: run.closed && run.phase === 'finished' ? ('closed' as const) : run.phase,
      total: run.total,
      done: run.done,
      failed: run.failed,
      running: run.leases.size,
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
});

/** Its main job has everything that it needs of the run: nothing of it is assigned or sent any more, ever. */
export const isClosed = (state: SchedulerState, runId: string): boolean =>
  state.runs.get(runId)?.closed === true;

const agentInfos = (state: SchedulerState): AgentInfo[] => Array.from(state.agents.values(), agentInfo);

const tasksOf = ({ assignment: { taskId, members } }: Lease): string[] =>
  members?.map((member) => member.taskId) ?? [taskId];

function agentInfo(agent: AgentState): AgentInfo {
  const { agentId, slots, connected, draining, leases, finished, labels, onlyRun } = agent;
  return {
    agentId,
    ...introductionOf(agent),
    slots,
    connected,
    draining,
    running: Array.from(leases).flatMap(tasksOf),
    finished,
    labels: [...labels],
    ...(onlyRun === null ? {} : { onlyRun }),
  };
}
