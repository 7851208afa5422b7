import { NX_VERSIONS, type Fleet } from '@org/dte-testing';
import { sampleFleet } from '../support/sample-fleet';

/** Runs the canary checks of nx-compat inside the workspace, with the modules that the workspace resolves. */
const SCRIPT = `
const { canaryChecks } = require('@org/dte-nx-compat/canary');
(async () => {
  const major = Number(require('nx/package.json').version.split('.')[0]);
  const results = [];
  for (const check of canaryChecks) {
    if (!check.majors.includes(major)) continue;
    try {
      results.push({ name: check.name, ...(await check.run(process.cwd(), require)) });
    } catch (error) {
      results.push({ name: check.name, ok: false, detail: String(error.stack) });
    }
  }
  console.log('RESULTS ' + JSON.stringify(results));
  process.exit(0);
})();
`;

interface Result {
  name: string;
  ok: boolean;
  detail: string;
}

describe.each(NX_VERSIONS)('nx %s', (nx) => {
  let fleet: Fleet;

  beforeAll(() => {
    fleet = sampleFleet({ nx });
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  it('still has the properties that everything here relies on', async () => {
    const machine = fleet.machine('canary', { ci: false });
    machine.write('canary.cjs', SCRIPT);

    const exit = await machine.run(process.execPath, ['canary.cjs']);

    const line = exit.stdout.split('\n').find((text) => text.startsWith('RESULTS '));
    if (line === undefined) throw new Error(`No results:\n${exit.output}`);
    const results = JSON.parse(line.slice('RESULTS '.length)) as Result[];
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
  });
});
