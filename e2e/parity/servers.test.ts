import {
  DEFAULT_NX_VERSION,
  type Fleet,
  NX_VERSIONS,
  type ParityBench,
  processesBelow,
  waitFor,
} from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { machinesOf } from '../support/log';
import { SHORT_WAITS } from '../support/fault-fleet';
import { expectParity, openParity } from '../support/parity';
import { serversFleet } from './servers-workspace';

const majorOf = (nx: string): number => Number(nx.split('.')[0]);

// 20 has no servers.
describe.each(NX_VERSIONS.filter((nx) => majorOf(nx) > 20))('nx %s, tasks that need servers', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = serversFleet(nx);
    bench = await openParity(fleet, { dteEnv: SHORT_WAITS });
  });

  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('have the same result on agents, each with its own server, also when one crashes, which is reported with the task that failed after it', async () => {
    // One command, because starting all processes takes the time. Nx 24 waits for servers to be ready; one that never
    // is fails, and its dependents do not run.
    const targets = ['e2e-ci', 'crash', 'after-crash', ...(majorOf(nx) >= 24 ? ['never'] : [])].join();
    const report = await bench.compare(['run-many', '-t', targets, '--parallel=2'], {
      rounds: ['cold'],
      // The explanation is below the output of the server's user.
      ignore: ({ task, aspect }) => task === 'e2e:crash' && aspect === 'terminal output',
    });

    expectParity(report);
    const { plain, distributed } = report.rounds[0]!;
    const said = distributed.tasks['e2e:crash']!.terminalOutput;
    expect(said).toContain(plain.tasks['e2e:crash']!.terminalOutput.trimEnd());
    expect(said).toMatch(/app:late ended with exit code 4\. Its last output:.*late has no more memory/s);
    const onAgents = fleet.journal().filter(({ machine }) => machine.startsWith('agent-'));
    const starts = onAgents.filter(({ id, what }) => id === 'server app' && what === 'start');
    expect(machinesOf(starts)).toEqual(['agent-1', 'agent-2']);
    expect(starts).toHaveLength(2);
  });

  if (nx !== DEFAULT_NX_VERSION) return;

  it('have the same result when everything comes from a cache, and no server is started', async () => {
    expectParity(await bench.compare(['run-many', '-t', 'e2e-ci', '--parallel=2'], { rounds: ['warm'] }), {
      distributed: false,
    });

    expect(machinesOf(fleet.journal())).toEqual(['plain']);
  });

  it('of two concurrent commands share the server of an agent', async () => {
    const { pipeline } = bench;
    const commands = ['a,e2e-ci--b', 'c,e2e-ci--d'].map((names) =>
      pipeline.startNx(['run-many', '-t', `e2e-ci--${names}`, '--parallel=2', '--skip-nx-cache'], {
        name: names,
      }),
    );
    for (const command of commands) expectExit(await command.end(), 0, pipeline);

    // A second one on the same agent could not have listened, and the command would have failed.
    const starts = fleet.journal().filter(({ id, what }) => id === 'server app' && what === 'start');
    expect(starts.length).toBe(machinesOf(starts).length);
  });

  it('leave nothing behind when their agent is killed, and run on another', async () => {
    const { pipeline } = bench;
    const command = pipeline.startNx(['run', 'e2e:long', '--skip-nx-cache']);
    const start = await waitFor(
      'the start of the task',
      () => fleet.journal().find(({ id, what }) => id === 'e2e:long' && what === 'start'),
      { lastState: () => pipeline.describe() },
    );
    const { machine, process } = pipeline.agent(start.machine);
    process.signal('SIGKILL');
    await waitFor('the end of its server', () => processesBelow(machine.folder).length === 0, {
      lastState: () =>
        processesBelow(machine.folder)
          .map((info) => info.command)
          .join('\n'),
    });
    expectExit(await command.end(), 0, pipeline);
    const users = fleet.journal().filter(({ id, what }) => id === 'e2e:long' && what === 'start');
    expect(machinesOf(users)).toEqual(['agent-1', 'agent-2']);
    pipeline.agents.splice(pipeline.agents.indexOf(pipeline.agent(start.machine)), 1);
  });
});
