import { LIMITS, type RunSpec, type SessionSettings } from '@org/dte-protocol';
import type { SchedulerConfig } from '@org/dte-scheduler';
import { FakeClock } from './fake-clock';
import { type SeededRandom, seededRandom } from './seeded-random';
import { Checkers } from './checkers';
import { type Deeds, type Fortune, SimulatedAgent } from './simulated-agent';
import { SimulatedCoordinator } from './simulated-coordinator';
import { CLEAR_WEATHER, type Weather, type World } from './simulated-link';
import { SimulatedMain } from './simulated-main';

/** An event or fault at a given time. */
export type Incident =
  | { kind: 'freeze'; agent: number; forMs: number }
  | { kind: 'crash'; agent: number }
  | { kind: 'drain'; agent: number }
  | { kind: 'cut'; agent: number }
  | { kind: 'join'; slots: number | null }
  | { kind: 'cut-main'; main: number }
  | { kind: 'cancel'; main: number }
  | { kind: 'coordinator-crash'; downMs: number };

export interface PlannedRun {
  atMs: number;
  spec: RunSpec;
  /** Of each task, in order: when it may be started a second time. Default: never. */
  lateMs?: readonly (number | null)[] | undefined;
  /** The main job's own worker joins with this many slots, until its run is over. */
  worker?: { slots: number; afterMs: number } | undefined;
}

export interface SimulationPlan {
  seed: number;
  /** Runs, with the time at which each is submitted. */
  runs: PlannedRun[];
  /** Slots of the agents that exist from the start. */
  agents: (number | null)[];
  /** Labels of the agents, assigned in turn. */
  labels: string[][];
  weather: Weather;
  fortune: Fortune;
  incidents: { atMs: number; incident: Incident }[];
  settings: SessionSettings;
  /** Network faults end, and an agent joins if none is left. */
  calmAtMs: number;
}

export interface SimulationResult {
  mains: SimulatedMain[];
  checkers: Checkers;
  /** The inputs of the session, as JSON, and when each was applied. */
  inputs: readonly { readonly text: string; readonly nowMs: number }[];
  endMs: number;
}

const CONFIG: SchedulerConfig = {
  leaseMs: LIMITS.leaseMs.value,
  agentReturnMs: LIMITS.agentReturnMs.value,
  mainLostMs: LIMITS.mainLostMs.value,
  sessionIdleMs: LIMITS.sessionIdleMs.value,
  attemptsPerTask: LIMITS.attemptsPerTask.value,
  logEntriesPerFrame: 3,
  frameBytes: LIMITS.frameBytes.value,
  // Far shorter than in production, so that agents leave while tasks run.
  releaseIdleMs: 2_000,
  reserveSlots: LIMITS.reserveSlots.value,
};

/** By this time, long after the faults have ended, everything must be finished. */
const PATIENCE_MS = 3_600_000;

/**
 * Runs a session in a simulated world and checks every step of the scheduler. Throws at the first violation, and if the
 * runs do not end. The same plan always has the same result.
 */
export function simulate(plan: SimulationPlan): SimulationResult {
  return new Simulation(plan).run();
}

class Simulation {
  readonly #world: World;
  readonly #deeds: Deeds;
  readonly #checkers: Checkers;
  readonly #coordinator: SimulatedCoordinator;
  readonly #agents: SimulatedAgent[] = [];
  readonly #mains: SimulatedMain[] = [];
  readonly #chaos: SeededRandom;

  constructor(private readonly plan: SimulationPlan) {
    const random = seededRandom(plan.seed);
    this.#deeds = { results: new Map(), servers: serversIn(plan.runs) };
    this.#checkers = new Checkers(this.#deeds);
    this.#chaos = random.fork();
    this.#world = { clock: new FakeClock(1_000_000), random: random.fork(), weather: plan.weather };
    this.#coordinator = new SimulatedCoordinator(this.#world, CONFIG, this.#checkers.check);
  }

  run(): SimulationResult {
    const { clock } = this.#world;
    const { runs, agents, incidents, settings, calmAtMs } = this.plan;
    this.#coordinator.give({ type: 'session.configure', settings });
    for (const slots of agents) this.#join(slots);
    for (const run of runs) clock.setTimeout(() => this.#begin(run), run.atMs);
    for (const { atMs, incident } of incidents) {
      clock.setTimeout(() => this.#happen(incident), Math.min(atMs, calmAtMs));
    }
    clock.setTimeout(() => this.#calm(), calmAtMs);
    const untilMs = clock.now() + calmAtMs + PATIENCE_MS;
    while (!this.#isOver() && clock.runNext(untilMs));
    if (!this.#isOver()) throw new Error(`Not over after ${PATIENCE_MS} ms of calm: ${this.#standing()}`);
    this.#coordinator.checkReplay();
    const { journal: inputs } = this.#coordinator;
    return { mains: this.#mains, checkers: this.#checkers, inputs, endMs: clock.now() };
  }

  #isOver(): boolean {
    return this.#mains.length === this.plan.runs.length && this.#mains.every((main) => main.outcome !== null);
  }

  #standing(): string {
    const runs = [...this.#coordinator.state.runs.values()];
    return runs
      .map((run) => `${run.runId} ${run.phase}: ${run.tasks.map((task) => task.state.name).join(' ')}`)
      .join('; ');
  }

  #begin({ spec, worker, lateMs }: PlannedRun): void {
    let own: SimulatedAgent | null = null;
    const main = new SimulatedMain(this.#world, this.#coordinator, spec, {
      onOver: () => own?.drain(),
      lateMs,
    });
    this.#mains.push(main);
    if (worker === undefined) return;
    const join = (): void => {
      if (main.outcome === null) own = this.#join(worker.slots, spec.runId);
    };
    this.#world.clock.setTimeout(join, worker.afterMs);
  }

  #join(slots: number | null, onlyRun?: string): SimulatedAgent {
    const id = `a${this.#agents.length + 1}`;
    const { fortune, labels: all } = this.plan;
    const labels = all[this.#agents.length % all.length] ?? [];
    // The worker of a main job shares its disk, and prepares nothing; others may be of an earlier version.
    const spare = onlyRun === undefined && (this.plan.seed + this.#agents.length) % 3 !== 0 ? 1 : 0;
    const options = { id, slots, labels, spare, fortune, deeds: this.#deeds };
    const agent = new SimulatedAgent(
      this.#world,
      this.#coordinator,
      onlyRun === undefined ? options : { ...options, onlyRun },
    );
    this.#agents.push(agent);
    return agent;
  }

  #calm(): void {
    this.#world.weather = CLEAR_WEATHER;
    if (!this.#agents.some((agent) => agent.isForAll)) this.#join(2);
  }

  #happen(incident: Incident): void {
    switch (incident.kind) {
      case 'freeze':
        return this.#agent(incident.agent)?.freeze(incident.forMs);
      case 'crash':
        return this.#agent(incident.agent)?.crash();
      case 'drain':
        return this.#agent(incident.agent)?.drain();
      case 'cut':
        return this.#agent(incident.agent)?.cut();
      case 'join':
        this.#join(incident.slots);
        return;
      case 'cut-main':
        return this.#mains[incident.main % Math.max(1, this.#mains.length)]?.cut();
      case 'cancel':
        return this.#mains[incident.main % Math.max(1, this.#mains.length)]?.cancel();
      case 'coordinator-crash':
        return this.#crashCoordinator(incident.downMs);
    }
  }

  #agent(index: number): SimulatedAgent | undefined {
    const serving = this.#agents.filter((agent) => agent.isServing);
    return serving[index % Math.max(1, serving.length)];
  }

  #crashCoordinator(downMs: number): void {
    if (!this.#coordinator.isUp) return;
    this.#coordinator.crash();
    this.#world.clock.setTimeout(() => this.#coordinator.restart(), downMs + this.#chaos.int(0, 10));
  }
}

/** By `run/task`: the servers that a task needs, directly or indirectly. */
function serversIn(runs: readonly PlannedRun[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { spec } of runs) {
    const edges = new Map(spec.tasks.map(({ id, continuousDependencies }) => [id, continuousDependencies]));
    for (const { id } of spec.tasks) {
      const seen = new Set([id]);
      // Iteration over a Set follows the order of insertion and includes additions.
      for (const each of seen) for (const { id: server } of edges.get(each) ?? []) seen.add(server);
      seen.delete(id);
      found.set(`${spec.runId}/${id}`, [...seen]);
    }
  }
  return found;
}
