import type { AgentSync, AgentWanted, MainSync, RunSpec, RunUpdate } from '@org/dte-protocol';
import {
  type AgentJoin,
  createState,
  type Effects,
  type Input,
  isAwaited,
  isHeartbeat,
  type SchedulerConfig,
  type SchedulerState,
  step,
} from '@org/dte-scheduler';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import type { SimulatedLink, World } from './simulated-link';

export type AgentLink = SimulatedLink<AgentSync, AgentWanted>;
export type MainLink = SimulatedLink<MainSync, RunUpdate>;

/** Checks every step; throws on a violation. */
export type StepChecker = (state: SchedulerState, input: Input, effects: Effects) => void;

const SESSION_ID = 'simulated';

/** A copy, of objects that are all of one realm: Jest's own Map is another class than that of the deserializer. */
const copyOf = (state: SchedulerState): unknown => deserialize(serialize(state)) as unknown;

const isSameState = (left: SchedulerState, right: SchedulerState): boolean =>
  isDeepStrictEqual(copyOf(left), copyOf(right));

/** The driver of a session without network and disk: journal first, then the step, then its effects. */
export class SimulatedCoordinator {
  #state: SchedulerState;
  /** What the entries before `#tailAt` have led to, as the coordinator's own journal keeps it. */
  #snapshot: Buffer | null = null;
  #tailAt = 0;
  #up = true;
  #timer: number | null = null;
  readonly #journal: { text: string; nowMs: number }[] = [];
  /** Time of the last heartbeat of each agent, as in the coordinator's own driver. */
  readonly #heardAtMs = new Map<string, number>();
  readonly #agents = new Map<string, AgentLink>();
  readonly #mains = new Map<MainLink, Set<string>>();

  constructor(
    private readonly world: World,
    private readonly config: SchedulerConfig,
    private readonly check: StepChecker,
  ) {
    this.#state = createState(config, SESSION_ID);
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** The inputs so far, as JSON, and when each was applied. */
  get journal(): readonly { readonly text: string; readonly nowMs: number }[] {
    return this.#journal;
  }

  get state(): SchedulerState {
    return this.#state;
  }

  /** An input that arrives through HTTP or by itself. */
  give(input: Input): void {
    const agoMs = this.#takeHeard();
    if (Object.keys(agoMs).length > 0) this.#apply({ type: 'agents.heard', agoMs });
    this.#apply(input);
  }

  #takeHeard(): Record<string, number> {
    const nowMs = this.world.clock.now();
    const heard = [...this.#heardAtMs].filter(([agentId]) => isAwaited(this.#state, agentId));
    this.#heardAtMs.clear();
    return Object.fromEntries(heard.map(([agentId, atMs]) => [agentId, nowMs - atMs]));
  }

  #apply(input: Input): void {
    const nowMs = this.world.clock.now();
    const text = JSON.stringify(input);
    this.#journal.push({ text, nowMs });
    const effects = step(this.#state, JSON.parse(text) as Input, nowMs);
    this.check(this.#state, input, effects);
    for (const outgoing of effects.send) {
      if (outgoing.to === 'agent') this.#agents.get(outgoing.agentId)?.sendDown(outgoing.message);
      if (outgoing.to === 'run') {
        for (const [link, runs] of this.#mains) if (runs.has(outgoing.runId)) link.sendDown(outgoing.message);
      }
    }
    this.#setTimer(effects.wakeAtMs);
  }

  submit(spec: RunSpec, lateMs: readonly (number | null)[] = []): boolean {
    // The history knows every other task to be flaky.
    const flaky = spec.tasks.filter((_, index) => index % 2 === 0).map(({ id }) => id);
    if (this.#up) this.give({ type: 'run.submit', spec, flaky, lateMs: [...lateMs] });
    return this.#up;
  }

  /** @returns false if nobody listens */
  connectAgent(agent: AgentJoin, link: AgentLink): boolean {
    if (!this.#up) return false;
    const { agentId } = agent;
    const older = this.#agents.get(agentId);
    this.#agents.set(agentId, link);
    older?.break();
    link.server = {
      onMessage: (sync) => {
        if (isHeartbeat(this.#state, agentId, sync)) this.#heardAtMs.set(agentId, this.world.clock.now());
        else this.give({ type: 'agent.sync', agentId, sync });
      },
      onClosed: () => {
        // An old connection of an agent that has already reconnected.
        if (this.#agents.get(agentId) !== link) return;
        this.#agents.delete(agentId);
        this.give({ type: 'agent.disconnected', agentId });
      },
    };
    this.give({ type: 'agent.joined', agent });
    return true;
  }

  connectMain(link: MainLink): boolean {
    if (!this.#up) return false;
    this.#mains.set(link, new Set());
    link.server = {
      onMessage: (sync) => {
        this.#mains.get(link)?.add(sync.runId);
        this.give({ type: 'main.sync', sync });
      },
      onClosed: () => {
        const runs = this.#mains.get(link);
        if (runs === undefined) return;
        this.#mains.delete(link);
        for (const runId of runs) this.give({ type: 'main.disconnected', runId });
        this.give({ type: 'main.left' });
      },
    };
    this.give({ type: 'main.connected' });
    return true;
  }

  /** Ends like a crashing process: only the journal remains. */
  crash(): void {
    this.#up = false;
    this.#setTimer(null);
    this.#heardAtMs.clear();
    const links = [...this.#agents.values(), ...this.#mains.keys()];
    this.#agents.clear();
    this.#mains.clear();
    for (const link of links) {
      link.server = null;
      link.break();
    }
  }

  /** Replays the journal, which must give exactly the state that was lost. */
  restart(): void {
    this.checkReplay();
    this.#snapshot = serialize(this.#state);
    this.#tailAt = this.#journal.length;
    this.#up = true;
    this.give({ type: 'session.restored' });
  }

  checkReplay(): void {
    const again = this.#replayed(createState(this.config, SESSION_ID), 0);
    if (!isSameState(again, this.#state)) throw new Error('Replaying the journal led to another state.');
    this.#state = again;
    if (this.#snapshot === null) return;
    this.#state = this.#replayed(deserialize(this.#snapshot) as SchedulerState, this.#tailAt);
    if (!isSameState(again, this.#state))
      throw new Error('Replaying the journal after its snapshot led to another state.');
  }

  #replayed(state: SchedulerState, from: number): SchedulerState {
    for (const { text, nowMs } of this.#journal.slice(from)) step(state, JSON.parse(text) as Input, nowMs);
    return state;
  }

  #setTimer(atMs: number | null): void {
    if (this.#timer !== null) this.world.clock.clearTimeout(this.#timer);
    this.#timer =
      atMs === null
        ? null
        : this.world.clock.setTimeout(() => this.give({ type: 'tick' }), atMs - this.world.clock.now());
  }
}
