import { type Fleet, NX_VERSIONS, type ParityBench } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { machinesOf } from '../support/log';
import { expectParity, openParity } from '../support/parity';
import { serversFleet } from './servers-workspace';

const majorOf = (nx: string): number => Number(nx.split('.')[0]);

// 20 knows no servers.
describe.each(NX_VERSIONS.filter((nx) => majorOf(nx) > 20))('nx %s, tasks that need servers', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = serversFleet(nx);
    bench = await openParity(fleet);
  });

  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('end alike on agents, each with one server of its own, shared and stopped with the last of them', async () => {
    expectParity(await bench.compare(['run-many', '-t', 'e2e-ci', '--parallel=2']));

    const journal = fleet.journal().filter(({ machine }) => machine.startsWith('agent-'));
    const users = journal.filter(({ id, what }) => id.startsWith('e2e:') && what === 'start');
    expect(machinesOf(users)).toEqual(['agent-1', 'agent-2']);
    for (const agent of ['agent-1', 'agent-2']) {
      const starts = journal.filter(
        ({ id, machine, what }) => id === 'server app' && machine === agent && what === 'start',
      );
      expect(starts).toHaveLength(1);
    }
  });
});
