import type { Session } from '@org/dte-coordinator/core';
import { DteError } from '@org/dte-protocol';
import { type Deeds, type SeededRandom, seededRandom } from '@org/dte-testing';
import { type ConnectionOptions, SimulatedConnection } from './connection';
import { SimulatedCoordinator } from './coordinator';
import { Network, Wire } from './network';
import { Outcomes } from './outcomes';
import { type Fortune, FORTUNATE, type Plan } from './plan';
import type { Trace } from './trace';

/** Timeout for an HTTP request. */
const REQUEST_MS = 5_000;

/** Everything that the parts of a simulation share. */
export class World {
  readonly random: SeededRandom;
  readonly network: Network;
  readonly coordinator: SimulatedCoordinator;
  readonly outcomes: Outcomes;
  readonly deeds: Deeds = { results: new Map(), servers: new Map() };
  fortune: Fortune;
  readonly releasesEarly: boolean;
  private error: Error | null = null;

  constructor(plan: Plan, trace: Trace) {
    const random = seededRandom(plan.seed ^ 0x5eed);
    this.releasesEarly = plan.releasesEarly;
    this.random = random.fork();
    this.network = new Network(random.fork());
    this.network.weather = plan.weather;
    this.fortune = plan.fortune;
    this.outcomes = new Outcomes(plan.runs);
    const specs = new Map(plan.runs.map(({ spec }) => [spec.runId, spec]));
    this.coordinator = new SimulatedCoordinator({
      random: random.fork(),
      agentReturnMs: plan.agentReturnMs,
      specs,
      deeds: this.deeds,
      trace,
    });
  }

  connect<T>(options: Omit<ConnectionOptions<T>, 'network' | 'dial' | 'openWire'>): SimulatedConnection<T> {
    const { network, coordinator } = this;
    return new SimulatedConnection({
      ...options,
      network,
      openWire: (path, losesSingly) => new Wire(network, path, losesSingly),
      dial: (wire) => {
        network.carry(wire.path, 'up', () => {
          // A hello that arrives twice is one connection.
          if (wire.server === null && wire.client !== null) coordinator.greet(wire, options.hello);
        });
      },
    });
  }

  /** An HTTP request and its answer, each of which may be lost. */
  request<T>(path: string, act: (session: Session) => Promise<T>): Promise<T> {
    const { network, coordinator } = this;
    return new Promise<T>((resolve, reject) => {
      const patience = setTimeout(() => reject(new DteError('DTE_TIMEOUT', 'No answer.')), REQUEST_MS);
      const answer = (deliver: () => void): void => {
        network.carry(path, 'down', () => {
          clearTimeout(patience);
          deliver();
        });
      };
      network.carry(path, 'up', () => {
        const { running } = coordinator;
        if (running === null) answer(() => reject(new DteError('DTE_NO_COORDINATOR', 'Nobody listens.')));
        else
          act(running).then(
            (value) => answer(() => resolve(value)),
            (thrown: unknown) => answer(() => reject(DteError.from(thrown))),
          );
      });
    });
  }

  /** Ends all faults. */
  calm(): void {
    this.network.mendAll();
    this.fortune = FORTUNATE;
    this.coordinator.disk.isFull = false;
    this.coordinator.inNextWrite(null);
    if (!this.coordinator.isUp) this.coordinator.start();
  }

  fail(error: Error): void {
    this.error ??= error;
  }

  /** Throws an error that had no caller to report to. */
  rethrow(): void {
    if (this.error !== null) throw this.error;
    this.coordinator.shadow.rethrow();
  }
}
