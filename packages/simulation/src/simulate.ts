import { happen, Population } from './faults';
import { type Outcome, SimulatedMain } from './main-job';
import { type Plan, type PlannedFault, planOf, succeeds, withoutFaults } from './plan';
import { demand, Violation } from './shadow';
import { Trace } from './trace';
import { inVirtualTime, START_MS, type VirtualTime } from './virtual-time';
import { World } from './world';

/** After the faults have stopped, everything must end within this time. Not configurable: the promise is defined by it. */
const PATIENCE_MS = 1_800_000;
/** As PATIENCE_MS, in steps. */
const PATIENCE_STEPS = 200_000;
/** Comparing states costs more than a step. */
const COMPARE_EVERY = 64;

export interface Ran {
  /** How many agents were released before the end. */
  readonly released: number;
  /** Timers that came due in the two runs. */
  readonly steps: number;
  readonly faults: readonly PlannedFault[];
  /** A scenario for packages/scheduler. */
  readonly trace: string;
  /** The broken promise; null if there is none. */
  readonly violation: string | null;
}

/** Runs the plan of a seed with and without its faults, and compares the results that Nx gets. */
export async function simulateSeed(seed: number): Promise<Ran> {
  const plan = planOf(seed);
  const quiet = new Simulation(withoutFaults(plan));
  const rough = new Simulation(plan);
  const violation = await violationOf(async () => {
    await quiet.run();
    await rough.run();
    compare(rough, quiet);
  });
  return {
    steps: quiet.steps + rough.steps,
    faults: plan.faults,
    released: quiet.released + rough.released,
    trace: rough.trace.text(),
    violation,
  };
}

async function violationOf(action: () => Promise<void>): Promise<string | null> {
  try {
    await action();
    return null;
  } catch (thrown) {
    const { message, stack = message } = thrown as Error;
    const isOurs = thrown instanceof Violation || message.startsWith('Checker:');
    return isOurs ? message : stack;
  }
}

/** One run of a plan. */
class Simulation {
  steps = 0;
  readonly trace = new Trace();
  readonly mains: SimulatedMain[] = [];

  released = 0;

  constructor(private readonly plan: Plan) {}

  run(): Promise<void> {
    return inVirtualTime((time) => this.runIn(time));
  }

  private async runIn(time: VirtualTime): Promise<void> {
    const { plan, trace } = this;
    const world = new World(plan, trace);
    const there = new Population(world);
    world.coordinator.start();
    for (const slots of plan.agents) there.join(slots);
    for (const run of plan.runs)
      setTimeout(() => {
        const main = new SimulatedMain(world, run);
        this.mains.push(main);
        there.mains.push(main);
      }, run.atMs);
    for (const { atMs, fault } of plan.faults)
      setTimeout(() => {
        trace.note(JSON.stringify(fault));
        happen(fault, world, there);
      }, atMs);
    setTimeout(() => {
      trace.note('nothing goes wrong any more');
      world.calm();
      const gone = this.areMainsOver() ? null : plan.gone;
      if (gone === 'agents') for (const agent of there.agents) agent.crash(true);
      else if (gone === 'coordinator') world.coordinator.stop(true);
      else if (!there.agents.some(({ isServing }) => isServing)) there.join(2);
    }, plan.calmAtMs);
    await this.until(time, world, 'every main job is done', () => this.areMainsOver());
    if (!world.coordinator.isUp) world.coordinator.start();
    await this.until(time, world, 'no run is open', () => world.coordinator.shadow.state.openRuns.size === 0);
    await this.restart(time, world);
    this.complete(world);
    await this.until(time, world, 'every agent has left', () =>
      there.agents.every(({ isAlive }) => !isAlive),
    );
    this.released = world.coordinator.shadow.released;
  }

  /** The journal can be read, whatever has happened. */
  private async restart(time: VirtualTime, world: World): Promise<void> {
    world.coordinator.stop(false);
    world.coordinator.start();
    await this.until(time, world, 'the session is restored', () => world.coordinator.running !== null);
  }

  /** `dte complete-ci-run`, repeated until there is an answer. */
  private complete(world: World): void {
    const again = (): void => void setTimeout(() => this.complete(world), 1_000);
    world.request('main', (session) => session.complete()).catch(again);
  }

  private areMainsOver(): boolean {
    return this.mains.length === this.plan.runs.length && this.mains.every(({ isOver }) => isOver);
  }

  private async until(time: VirtualTime, world: World, what: string, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const isLate = Date.now() - START_MS > this.plan.calmAtMs + PATIENCE_MS || this.steps > PATIENCE_STEPS;
      demand(!isLate && (await time.step()), `never so: ${what}`);
      this.steps += 1;
      world.rethrow();
      if (this.steps % COMPARE_EVERY === 0) world.coordinator.compare(`after step ${this.steps}`);
    }
    world.coordinator.compare(`when ${what}`);
  }
}

/** The result of each main job is correct, and the same as without faults. */
function compare(rough: Simulation, quiet: Simulation): void {
  for (const main of rough.mains) {
    const { spec, tasks } = main.planned;
    const { outcome } = main;
    // A killed main job has no result.
    if (outcome === null) continue;
    for (const [id, status] of Object.entries(outcome.statuses))
      demand(
        status !== 'success' || succeeds(tasks.get(id)!),
        `${spec.runId} reports success of ${id}, which fails`,
      );
    if (main.isCancelled) continue;
    const expected = quiet.mains.find(({ planned }) => planned.spec.runId === spec.runId)!.outcome!;
    demand(
      outcome.exitCode === expected.exitCode,
      `${spec.runId} ends with exit code ${outcome.exitCode}, and with ${expected.exitCode} without faults`,
    );
    // After a failure, it depends on timing which tasks had started.
    if (!spec.nxBail) demandSame(spec.runId, outcome, expected);
  }
}

function demandSame(runId: string, { statuses }: Outcome, expected: Outcome): void {
  const ids = new Set([...Object.keys(statuses), ...Object.keys(expected.statuses)]);
  for (const id of ids) {
    const [is, was] = [statuses[id] ?? 'nothing', expected.statuses[id] ?? 'nothing'];
    demand(is === was, `${runId} reports ${is} of ${id}, and ${was} without faults`);
  }
}
