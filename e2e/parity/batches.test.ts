import { Fleet, install, type ParityBench } from '@org/dte-testing';
import { BATCH_PLUGIN, batchProject } from '../support/batch-workspace';
import { completeAndClose } from '../support/close';
import { LIGHT_NX } from '../support/light-nx';
import { expectParity, openParity, PARITY_VERSIONS } from '../support/parity';

const FILES = {
  'nx.json': { namedInputs: { default: ['{projectRoot}/**/*'] } },
  ...BATCH_PLUGIN,
  ...batchProject('a'),
  ...batchProject('b', { needs: ['a'] }),
  ...batchProject('c', { needs: ['a', 'b'] }),
  // Another executor: a separate batch, and its dependents need another batch of the first executor.
  ...batchProject('d', { needs: ['c'], executor: 'stream' }),
  ...batchProject('e', { needs: ['d'] }),
  ...batchProject('f', { needs: ['a'], fail: true }),
  ...batchProject('g', { needs: ['f'] }),
  // Never cached: its files must reach the tasks that need them.
  ...batchProject('u', { needs: ['a'], compile: { cache: false } }),
  // The inputs of its hash are known after the batch has run.
  ...batchProject('h', {
    needs: ['u'],
    compile: { inputs: ['{projectRoot}/**/*', { dependentTasksOutputFiles: '**/*.txt' }] },
  }),
  ...batchProject('p', { executor: 'eager' }),
  ...batchProject('q', { executor: 'eager', needs: ['p'] }),
};

const COMMAND = ['run-many', '-t', 'compile,pack', '--batch', '--output-style=static'];

describe.each(PARITY_VERSIONS)('batches, nx %s', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    fleet = Fleet.create({ install: install({ nx }), files: FILES, env: LIGHT_NX });
    bench = await openParity(fleet);
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('run as a whole on one agent and end as without distribution', async () => {
    const report = await bench.compare(COMMAND);

    expectParity(report);
    expect(report.tasks).toBe(20);
    const ran = fleet.journal().filter(({ id, machine }) => id.endsWith(':compile') && machine !== 'plain');
    const processOf = (project: string): string[] =>
      ran.filter(({ id }) => id === `${project}:compile`).map(({ machine, pid }) => `${machine} ${pid}`);
    const [first] = processOf('a');
    expect(first).toMatch(/^agent-/);
    for (const project of ['b', 'c', 'f']) expect(processOf(project)[0]).toBe(first);
    // Again in the warm round, where nothing else of the batch is left to do.
    expect([processOf('a').length, processOf('f').length]).toEqual([1, 2]);
    expect(processOf('e')[0]).not.toBe(first);
  });

  // Each command has its own argument, so that no cache knows its tasks.
  it.each([
    ['asked for by an executor (preferBatch of 22 and later)', ['run-many', '-t', 'compile', '--mark=1'], {}],
    ['asked for by a variable', ['run-many', '-t', 'compile', '--mark=2'], { NX_BATCH_MODE: 'true' }],
    ['of one task and what it needs', ['run', 'e:compile', '--batch', '--mark=3'], {}],
    ['without the cache', ['run-many', '-t', 'compile', '--batch', '--skip-nx-cache', '--mark=4'], {}],
  ])('%s end as without distribution', async (_what, command, env) => {
    expectParity(await bench.compare([...command, '--output-style=static'], { env, rounds: ['cold'] }));
  });
});
