import { AFFECTED, type Fleet, NX_VERSIONS, type ParityBench } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectParity, openParity } from '../support/parity';
import { AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';

describe.each(NX_VERSIONS.slice(3, 4))('nx %s', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = sampleFleet({ nx, plugin: false });
    bench = await openParity(fleet);
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('affected tasks end as without distribution', async () => {
    const report = await bench.compare(AFFECTED);

    expectParity(report);
    expect(report.tasks).toBe(AFFECTED_TASKS.length);
  });
});
