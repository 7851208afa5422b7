import { DEFAULT_NX_VERSION, type Fleet, NX_VERSIONS, type ParityBench } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { ownLines } from '../support/log';
import { expectParity, openParity } from '../support/parity';
import { ALIKE, parityFleet } from './workspace';

describe.each(NX_VERSIONS)('nx %s, plain and distributed', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = parityFleet(nx);
    bench = await openParity(fleet, {
      env: { FLAVOUR: 'sweet', FORWARDED: 'of the main job', OWN: 'main' },
      agentEnv: { FORWARDED: 'of the agent', OWN: 'agent' },
      dteEnv: { DTE_FORWARD_ENV: 'FORWARDED' },
    });
  });

  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('have the same result, with all kinds of dependencies and inputs', async () => {
    expectParity(await bench.compare(['run-many', '-t', ALIKE, '--parallel=2']));
  });

  if (nx !== DEFAULT_NX_VERSION) return;

  const cold = { rounds: ['cold'] } as const;

  // Each command has its own configuration or arguments, so that no cache knows its tasks.
  it.each([
    [
      'a configuration that not every project has',
      ['run-many', '-t', 'compile,variables', '-c', 'production'],
    ],
    ['arguments forwarded to dependencies', ['run', 'app:bundle', '--flavour=sour', '--it=is one']],
    ['one project and a configuration', ['run', 'app:compile:production', '--mark=1']],
    ['arguments after two dashes', ['run-many', '-t', 'published', '--', '--mark=3', 'and more']],
    [
      'projects by tag and pattern, and one left out',
      ['run-many', '-t', 'verify', '-p', 'tag:type:lib,ap*', '--exclude=*-b', '--mark=4'],
    ],
    ['what is affected', ['affected', '-t', 'bundle,hashed', '--mark=6']],
    ['the short form', ['published', 'app', '--mark=2']],
    ['without the cache', ['run-many', '-t', 'digest,nested', '--skip-nx-cache', '--mark=7']],
    ['what ran without the cache and is in none', ['run-many', '-t', 'digest', '--mark=7']],
  ])('%s', async (_what, command) => {
    expectParity(await bench.compare(command, cold));
  });

  it('a task that the main job runs itself calls an nx that is not distributed', async () => {
    const report = await bench.compare(['run', 'generator:nested', '--no-agents', '--mark=8'], cold);

    expectParity(report, { distributed: false });
    expect(report.rounds.map(({ places }) => places)).toEqual([{ 'generator:nested': 'main' }]);
    expect(ownLines(report.rounds[0]!.exits.distributed.output)).toEqual([]);
  });

  it('a task sees the variables of the agent that it runs on, unless they are forwarded', async () => {
    const report = await bench.compare(['run-many', '-t', 'own'], cold);

    const differences = report.rounds.flatMap((round) => round.differences);
    expect(differences.map(({ aspect }) => aspect)).toEqual(Array(4).fill('terminal output'));
    expect(differences.map(({ plain, distributed }) => [plain, distributed])).toEqual(
      Array(4).fill([expect.stringContaining('OWN=main'), expect.stringContaining('OWN=agent')]),
    );
  });
});
