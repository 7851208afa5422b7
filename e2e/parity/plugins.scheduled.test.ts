import { Fleet, install, type ParityBench } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectParity, openParity } from '../support/parity';
import { PLUGIN_FILES, pluginsInstall } from './workspaces/plugins';

const TARGETS = 'build,typecheck,compile,bundle,lint,jest,jest-ci,vitest,vitest-ci,stamp,alone,all';

describe("Nx's own plugins and one of the workspace", () => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = Fleet.create({ install: install(pluginsInstall()), files: PLUGIN_FILES });
    bench = await openParity(fleet, { env: { NX_SKIP_ATOMIZER_VALIDATION: 'true' } });
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('end as without distribution', async () => {
    const report = await bench.compare(['run-many', '-t', TARGETS, '--parallel=2', '--output-style=static']);

    expectParity(report);
  });
});
