import { recall } from './ahead';
import type { RunContext } from './contexts';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { findAgent } from './find-agent';
import { firstFree, freeSlots, mayWaitOn, servesRun, slotsOf } from './free-agents';
import { takeBackFor } from './give-way';
import { heapPop, heapPush } from './heap';
import type { AgentWithRoom } from './indexes';
import { byPriority, fitsAgent } from './lanes';
import { bytesPerShare, grantLease, prepareLease } from './leases';
import { movingMs, nearer } from './locality';
import { agentOf, at, known, runOf, taskOf } from './lookup';
import { firstRoom, freeAtMs, soonestFirst, waitingOn } from './room';
import { type Accepts, hasBytes } from './search';
import type { Lease } from './lease';
import type { AgentState, Lane, RunState, SchedulerState } from './state';
import { mayBeRecalled } from './take-back';

/**
 * How long before a slot is expected to be free its next task is given to its agent, apart from what moving its dependencies takes:
 * enough to unpack them, to check a hash, and for a task that ends somewhat sooner than expected. Any earlier, and tasks that become
 * ready meanwhile and should run sooner would have to wait: with 2 s, a simulated graph of tasks of 0.5 to 2.5 s took 1 % longer on
 * 12 slots; with 0.5 s, it takes longer where lengths are uncertain. Not configurable: if the length of tasks is not known, their
 * agents get the next one at once.
 */
const LEAD_MS = 1_000;

/** Recalling a task whose agent is expected to have a slot for it so soon gains nothing. Not configurable: it only saves messages. */
const WORTH_MS = 100;

/** Times at which the scheduler wakes for this are multiples of this: one step for many agents. Not configurable, see `LEAD_MS`. */
const GRID_MS = 250;

/** Agents whose slots are expected to be free within this time of each other are equal; the nearest one is chosen. Not configurable. */
const SAME_MS = 200;

/** Agents that one search may set aside: the cost of the search, not a limit of a queue. */
const MAX_ASIDE = 16;

/**
 * Gives ready tasks for which no slot is free to the agents that will have a free one soonest, and takes them back for agents that
 * have a free slot now. Call it when no more tasks can be placed in slots.
 */
export function prefetch(state: SchedulerState, out: EffectsBuilder): void {
  recallDoubtful(state, out);
  const wakes = [giveAhead(state, out), recallForFree(state, out)].filter((atMs) => atMs !== null);
  wakeAt(state, wakes.length === 0 ? null : Math.min(...wakes));
}

function wakeAt(state: SchedulerState, atMs: number | null): void {
  const { prefetch: own, nowMs } = state;
  const wakeAtMs = atMs === null ? null : Math.ceil(Math.max(atMs, nowMs + 1) / GRID_MS) * GRID_MS;
  if (wakeAtMs === own.wakeAtMs) return;
  own.wakeAtMs = wakeAtMs;
  if (wakeAtMs !== null) addDeadline(state, wakeAtMs, { kind: 'prefetch' });
}

/** An agent was reserved for other tasks, returns one attempt after the other, or has got another number of slots. */
function recallDoubtful(state: SchedulerState, out: EffectsBuilder): void {
  const { doubtful } = state.prefetch;
  for (const agentId of doubtful) {
    const agent = state.agents.get(agentId);
    const lease = agent === undefined ? undefined : waitingOn(agent);
    if (agent === undefined || lease === undefined) continue;
    if (!mayWaitOn(state, agent, runOf(state, lease.runId))) recall(state, lease, out);
  }
  doubtful.clear();
}

/** @returns when the next agent may get a task, if that is later; null: nothing waits for that */
function giveAhead(state: SchedulerState, out: EffectsBuilder): number | null {
  const done = new Set<RunState>();
  let soonestMs: number | null = null;
  while (firstRoom(state) !== undefined) {
    const run = nextRun(state, done);
    if (run === undefined) break;
    const given = giveNext({ state, run, out }, at(run.lanes, 0));
    if (given === 'given') continue;
    // It waits for the choice that a free slot is, and nothing else must take that first.
    if (given === 'waits') break;
    done.add(run);
    if (given !== 'nobody') soonestMs = Math.min(soonestMs ?? Infinity, given);
  }
  return soonestMs;
}

const shareOf = ({ slotsUsed, ahead }: RunState): number => slotsUsed + ahead;

/** As for slots: the run with the fewest, those included that wait for one. */
function nextRun(state: SchedulerState, done: ReadonlySet<RunState>): RunState | undefined {
  let poorest: RunState | undefined;
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    state.operations++;
    // The first lane: tasks without a rule that need not run alone. All others limit what else their agent does.
    if (done.has(run) || (run.lanes[0]?.ready.length ?? 0) === 0) continue;
    if (poorest === undefined || shareOf(run) < shareOf(poorest)) poorest = run;
  }
  return poorest;
}

/** A number: when the first agent may get it. */
type Given = 'given' | 'waits' | 'nobody' | number;

function giveNext(context: RunContext, lane: Lane): Given {
  const { state, run } = context;
  const index = at(lane.ready, 0);
  // It waits for the agent that packs and is reserved for it.
  if (lane.heldAgent !== null) return 'nobody';
  const { lostOn, recalls } = taskOf(run, index);
  // It avoids an agent, or has waited in vain before.
  if (lostOn.length > 0 || !mayBeRecalled({ recalls })) return 'waits';
  // An agent starts it when the command before it has ended, before anybody knows whether that has failed.
  if (run.nxBail || state.session.settings.stopAgentsOnFailure) return 'waits';
  // What is being taken back makes room for it.
  if (state.prefetch.recalling > 0) return 'waits';
  const accepts = acceptsFor(state, run, index);
  const found = findRoom(state, run, index, accepts);
  if (takeBackFor(context, { index, otherwiseMs: expectedMs(state, found), accepts })) return 'waits';
  if (found === undefined) return 'nobody';
  if (typeof found === 'number') return found;
  const lease = prepareLease(state, run, index);
  // Too large for a frame: it ends when a slot is free.
  if (lease.bytes > bytesPerShare(state)) return 'waits';
  heapPop(lane.ready, byPriority(run));
  state.operations++;
  grantLease(context, found, lease, { cap: null, place: 'ahead' });
  return 'given';
}

/** When a slot is expected for a task, by what `findRoom` says. */
const expectedMs = (state: SchedulerState, found: AgentState | number | undefined): number =>
  found === undefined ? Infinity : typeof found === 'number' ? found + LEAD_MS : freeAtMs(state, found);

/** Lanes with a task that comes before this one and cannot wait on an agent: the next slot of every agent that fits is theirs. */
function lanesFirst(state: SchedulerState, run: RunState, index: number): (readonly [RunState, Lane])[] {
  const isBefore = byPriority(run);
  return [...state.openRuns].flatMap((runId) => {
    const other = runOf(state, runId);
    state.operations++;
    const comesFirst = (next: number): boolean =>
      other === run ? isBefore(next, index) : shareOf(other) <= shareOf(run);
    return other.lanes.slice(1).flatMap((lane): (readonly [RunState, Lane])[] => {
      const [next] = lane.ready;
      return next !== undefined && comesFirst(next) ? [[other, lane]] : [];
    });
  });
}

/** The agents on which a task may wait for a slot. */
function acceptsFor(state: SchedulerState, run: RunState, index: number): Accepts {
  const first = lanesFirst(state, run, index);
  return (agent) =>
    servesRun(agent, run) &&
    // Where something runs for longer than usual, nobody knows when a slot is free.
    !agent.slow &&
    mayWaitOn(state, agent, run) &&
    hasBytes(state, agent) &&
    !first.some(([other, lane]) => servesRun(agent, other) && fitsAgent(other, lane, agent));
}

/** The agent that will have a free slot soonest, or when that is soon enough; of several, the one that has most of the dependencies. */
function findRoom(
  state: SchedulerState,
  run: RunState,
  index: number,
  accepts: Accepts,
): AgentState | number | undefined {
  const { room } = state.prefetch;
  const refused: AgentWithRoom[] = [];
  let top = firstRoom(state);
  while (top !== undefined && !accepts(agentOf(state, top.agentId)) && refused.length < MAX_ASIDE) {
    state.operations++;
    refused.push(known(heapPop(room, soonestFirst)));
    top = firstRoom(state);
  }
  for (const entry of refused) heapPush(room, entry, soonestFirst);
  if (top === undefined || !accepts(agentOf(state, top.agentId))) return undefined;
  const leadMs = LEAD_MS + movingMs(state, run, index);
  const latestMs = state.nowMs + leadMs;
  if (top.freeAtMs > latestMs) return top.freeAtMs - leadMs;
  const untilMs = Math.min(latestMs, Math.max(top.freeAtMs, state.nowMs) + SAME_MS);
  const isAsSoon: Accepts = (agent) => agent.hasRoom && freeAtMs(state, agent) <= untilMs && accepts(agent);
  const best = agentOf(state, top.agentId);
  return nearer(state, { run, index, best }, isAsSoon, () => 0) ?? best;
}

/**
 * Recalls tasks that wait for a slot while another agent has a free one.
 * @returns when to look again
 */
function recallForFree(state: SchedulerState, out: EffectsBuilder): number | null {
  const { prefetch: own } = state;
  if (own.holders.size === 0) return null;
  const emptiest = firstFree(state);
  if (emptiest === undefined) return null;
  const free = Math.max(freeSlots(state, emptiest), state.idle.size * slotsOf(state, emptiest));
  let againAtMs: number | null = null;
  for (const [lease, slotAtMs] of own.recalling < free ? waiting(state) : []) {
    if (own.recalling >= free) break;
    const isSoon = slotAtMs > state.nowMs && slotAtMs <= state.nowMs + WORTH_MS;
    if (isSoon) againAtMs = Math.min(againAtMs ?? Infinity, slotAtMs);
    else if (isWanted(state, lease)) recall(state, lease, out);
  }
  return againAtMs;
}

/** What waits on agents for a slot, with the time at which it is expected to get one: unknown and latest first. */
function waiting(state: SchedulerState): (readonly [Lease, number])[] {
  const found: (readonly [Lease, number])[] = [];
  for (const agentId of state.prefetch.holders) {
    const agent = agentOf(state, agentId);
    const lease = waitingOn(agent);
    state.operations++;
    if (lease !== undefined && agent.connected) found.push([lease, freeAtMs(state, agent)]);
  }
  const rank = (slotAtMs: number): number => (slotAtMs <= state.nowMs ? Infinity : slotAtMs);
  return found.sort(([, a], [, b]) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)));
}

/** Would another agent run it now? */
function isWanted(state: SchedulerState, { runId, index, agentId }: Lease): boolean {
  const run = runOf(state, runId);
  const other = findAgent(state, run, { lane: at(run.lanes, 0), index, isFirst: false });
  return other !== undefined && other.agentId !== agentId;
}
