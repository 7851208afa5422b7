import type { Assignment, AgentWanted, RunSpec, Work } from '@org/dte-protocol';
import type { Input, SchedulerConfig } from '../interface';
import { createState, type SchedulerState } from '../state';
import { step } from '../step';
import { CONFIG, SUCCESS } from './session';

type Join = Extract<Input, { type: 'agent.joined' }>['agent'];
type Submission = Extract<Input, { type: 'run.submit' }>;

export interface Play {
  readonly submission: Omit<Submission, 'type'>;
  readonly agents: readonly (Partial<Join> & Pick<Join, 'agentId'>)[];
  /** How long a task really takes on its agent. */
  msOf(taskId: string): number;
  /** Limits that differ from the usual ones. */
  readonly limits?: Partial<SchedulerConfig>;
  /** Settings of the session and what else comes before the run. */
  readonly before?: readonly Input[];
  /** Called whenever agents have been told what to do. */
  onWanted?(running: ReadonlyMap<string, readonly string[]>, atMs: number): void;
  /** Called whenever agents have reported. @param kill what an agent was doing is lost with it @returns whether the play is over */
  onRound?(state: SchedulerState, kill: (agentId: string) => void): boolean;
}

export interface Played {
  readonly makespanMs: number;
  /** When each task was assigned. */
  readonly startedMs: ReadonlyMap<string, number>;
  /** When each agent was told to leave, of those that were before the end. */
  readonly leftMs: ReadonlyMap<string, number>;
}

/** An agent of a play: what it runs, and when each of that ends. */
interface Player {
  readonly slots: number | null;
  seq: number;
  wanted: AgentWanted | null;
  readonly endsMs: Map<string, { readonly assignment: Assignment; readonly atMs: number }>;
}

const workOf = ({ runId, taskId, attempt }: Assignment, isOver: boolean): Work => ({
  runId,
  taskId,
  attempt,
  phase: isOver ? { name: 'completed', result: SUCCESS } : { name: 'executing', startMs: 0 },
});

/** Agents are heard often enough that no attempt is lost. */
const BEAT_MS = CONFIG.leaseMs / 3;

/** A whole run in virtual time, with agents that do at once what they are told. Deterministic. */
export function play({ submission, agents, msOf, limits, before = [], onWanted, onRound }: Play): Played {
  const state = createState({ ...CONFIG, ...limits }, 's1');
  const players = new Map<string, Player>();
  const startedMs = new Map<string, number>();
  const leftMs = new Map<string, number>();
  const remove = (agentId: string, code: 'DTE_AGENT_LEFT' | 'DTE_AGENT_LOST'): void => {
    for (const taskId of players.get(agentId)?.endsMs.keys() ?? []) startedMs.delete(taskId);
    players.delete(agentId);
    give({ type: 'agent.removed', agentId, reason: { code, message: '' } });
  };
  let nowMs = 0;
  let heardMs = 0;
  const give = (input: Input): void => {
    for (const { to, ...rest } of step(state, input, nowMs).send) {
      if (to !== 'agent' || !('agentId' in rest)) continue;
      const player = players.get(rest.agentId);
      if (player !== undefined) take(rest.agentId, player, rest.message);
    }
    for (const agentId of leftMs.keys()) if (players.has(agentId)) remove(agentId, 'DTE_AGENT_LEFT');
    onWanted?.(new Map([...players].map(([id, { endsMs }]) => [id, [...endsMs.keys()]])), nowMs);
  };
  const take = (agentId: string, player: Player, wanted: AgentWanted): void => {
    player.wanted = wanted;
    if (wanted.stop !== null && state.session.phase === 'open') leftMs.set(agentId, nowMs);
    const listed = new Set(wanted.assignments.map(({ taskId }) => taskId));
    for (const taskId of player.endsMs.keys()) if (!listed.has(taskId)) player.endsMs.delete(taskId);
    for (const assignment of wanted.assignments) {
      const { taskId } = assignment;
      if (player.endsMs.has(taskId)) continue;
      if (startedMs.has(taskId)) throw new Error(`${taskId} was started twice.`);
      startedMs.set(taskId, nowMs);
      player.endsMs.set(taskId, { assignment, atMs: nowMs + msOf(taskId) });
    }
  };
  for (const join of agents) {
    const { agentId, slots = null } = join;
    players.set(agentId, { slots, seq: 0, wanted: null, endsMs: new Map() });
    give({ type: 'agent.joined', agent: { name: agentId, jobUrl: null, slots, labels: [], ...join } });
  }
  for (const input of before) give(input);
  give({ type: 'run.submit', ...submission });
  const { runId } = submission.spec;
  give({ type: 'main.sync', sync: { type: 'main.sync', runId, ackSeq: 0, want: 'follow' } });
  const sync = (agentId: string, player: Player): void => {
    const works = [...player.endsMs.values()].map(({ assignment, atMs }) =>
      workOf(assignment, atMs <= nowMs),
    );
    const { slots } = player;
    const seq = (player.seq += 1);
    give({
      type: 'agent.sync',
      agentId,
      sync: { type: 'agent.sync', seq, slots, draining: false, work: works },
    });
  };
  while (state.openRuns.size > 0) {
    const next = Math.min(
      ...[...players.values()].flatMap(({ endsMs }) => [...endsMs.values()].map(({ atMs }) => atMs)),
    );
    if (!Number.isFinite(next)) throw new Error(`Nothing runs at ${nowMs} ms, and the run is not over.`);
    const isBeat = heardMs + BEAT_MS < next;
    nowMs = isBeat ? (heardMs += BEAT_MS) : next;
    for (const [agentId, player] of players) {
      if (isBeat || [...player.endsMs.values()].some(({ atMs }) => atMs <= nowMs)) sync(agentId, player);
    }
    if (onRound?.(state, (agentId) => remove(agentId, 'DTE_AGENT_LOST')) === true) break;
  }
  return { makespanMs: nowMs, startedMs, leftMs };
}

/** No schedule is shorter: the longest path, and all work over all slots. A task that runs alone takes all slots of its agent. */
export function floorOf(
  spec: RunSpec,
  msOf: (taskId: string) => number,
  agents: number,
  slots: number,
): number {
  const work = spec.tasks.reduce((sum, { id, parallelism }) => sum + msOf(id) * (parallelism ? 1 : slots), 0);
  const longest = new Map<string, number>();
  for (const { id, dependencies } of spec.tasks) {
    const before = dependencies.map((edge) => longest.get(edge.id) ?? 0);
    longest.set(id, msOf(id) + Math.max(0, ...before));
  }
  return Math.max(work / (agents * slots), ...longest.values());
}
