import { SimulatedAgent } from './agent';
import type { SimulatedMain } from './main-job';
import type { Fault } from './plan';
import type { World } from './world';

/** The agents and main jobs of a simulation. */
export class Population {
  readonly agents: SimulatedAgent[] = [];
  readonly mains: SimulatedMain[] = [];
  private agentIds = 0;

  constructor(private readonly world: World) {}

  join(slots: number | null): SimulatedAgent {
    this.agentIds += 1;
    const agentId = `a${this.agentIds}`;
    // Some are of a version that prepares nothing.
    const spare = this.agentIds % 3 === 0 ? 0 : 1;
    return this.add(new SimulatedAgent(this.world, { agentId, path: agentId, slots, spare }));
  }

  /** Another process with the id of an existing agent. */
  twin({ options }: SimulatedAgent): SimulatedAgent {
    const path = `${options.path}'`;
    return this.add(new SimulatedAgent(this.world, { ...options, path }));
  }

  agent(who: number): SimulatedAgent | undefined {
    const alive = this.agents.filter(({ isAlive }) => isAlive);
    return alive[who % Math.max(1, alive.length)];
  }

  main(who: number): SimulatedMain | undefined {
    const there = this.mains.filter(({ isOver }) => !isOver);
    return there[who % Math.max(1, there.length)];
  }

  private add(agent: SimulatedAgent): SimulatedAgent {
    this.agents.push(agent);
    return agent;
  }
}

/** Causes one fault. A temporary fault ends by itself. */
export function happen(fault: Fault, world: World, there: Population): void {
  switch (fault.kind) {
    case 'cut':
    case 'reset':
    case 'half-open':
      return breakConnection(fault, world, there);
    case 'stop-coordinator':
    case 'disk-full':
    case 'clock-step':
      return strikeCoordinator(fault, world);
    case 'cancel':
      return there.main(fault.who)?.cancel();
    case 'kill-main':
      return there.main(fault.who)?.kill();
    case 'join':
      there.join((fault.who % 3) + 1);
      return;
    default:
      return strikeAgent(fault, there);
  }
}

type AgentFault = Extract<Fault, { kind: 'freeze' | 'twin' | 'crash' | 'drain' | 'lie' | 'executor-crash' }>;

function strikeAgent(fault: AgentFault, there: Population): void {
  const agent = there.agent(fault.who);
  if (agent === undefined) return;
  switch (fault.kind) {
    case 'freeze':
      return agent.freeze(fault.forMs);
    case 'twin': {
      const twin = there.twin(agent);
      setTimeout(() => twin.crash(false), fault.forMs);
      return;
    }
    case 'crash':
      return agent.crash(fault.silently);
    case 'drain':
      return agent.drain();
    case 'lie':
      return agent.lie(there.agents);
    case 'executor-crash':
      return agent.crashExecutor();
  }
}

type ConnectionFault = Extract<Fault, { kind: 'cut' | 'reset' | 'half-open' }>;

function breakConnection(fault: ConnectionFault, { network }: World, there: Population): void {
  const victim = fault.whom === 'agent' ? there.agent(fault.who) : there.main(fault.who);
  if (victim === undefined) return;
  if (fault.kind !== 'cut') {
    victim.connection.breakAt(fault.end);
    return;
  }
  for (const direction of fault.directions) {
    network.cut(victim.path, direction);
    setTimeout(() => network.mend(victim.path, direction), fault.forMs);
  }
}

type CoordinatorFault = Extract<Fault, { kind: 'stop-coordinator' | 'disk-full' | 'clock-step' }>;

function strikeCoordinator(fault: CoordinatorFault, { coordinator }: World): void {
  switch (fault.kind) {
    case 'stop-coordinator': {
      const strike = (): void => {
        if (!coordinator.isUp) return;
        coordinator.stop(fault.silently);
        setTimeout(() => {
          if (!coordinator.isUp) coordinator.start();
        }, fault.downMs);
      };
      if (fault.inWrite) coordinator.inNextWrite(strike);
      else strike();
      return;
    }
    case 'disk-full':
      coordinator.disk.isFull = true;
      setTimeout(() => (coordinator.disk.isFull = false), fault.forMs);
      return;
    case 'clock-step':
      return coordinator.stepClock(fault.byMs);
  }
}
