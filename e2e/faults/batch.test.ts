import {
  DEFAULT_NX_VERSION,
  Fleet,
  install,
  isRunning,
  Pipeline,
  processTree,
  sampleNxJson,
  waitFor,
} from '@org/dte-testing';
import { BATCH_PLUGIN, batchProject } from '../support/batch-workspace';
import { expectExit } from '../support/expect-exit';
import { SHORT_WAITS } from '../support/fault-fleet';
import { plain, ranOn } from '../support/log';
import { LIGHT_NX } from '../support/light-nx';

const AGENTS = ['agent-1', 'agent-2'];
const command = (projects: string, target: string): string[] => [
  'run-many',
  '-t',
  target,
  '-p',
  projects,
  '--batch',
  '--output-style=static',
];

describe('a batch', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = Fleet.create({
      install: install({ nx: DEFAULT_NX_VERSION }),
      env: LIGHT_NX,
      files: {
        'nx.json': { ...sampleNxJson(), namedInputs: { default: ['{projectRoot}/**/*'] } },
        ...BATCH_PLUGIN,
        ...batchProject('a', { executor: 'held' }),
        ...batchProject('b', { executor: 'held', needs: ['a'] }),
        ...batchProject('c', { executor: 'held', needs: ['b'] }),
        ...batchProject('x', { executor: 'stuck' }),
        ...batchProject('y', { executor: 'stuck', needs: ['x'] }),
      },
    });
    pipeline = new Pipeline(fleet, fleet.machine('main'), SHORT_WAITS);
    await pipeline.startCiRun();
    for (const name of AGENTS) pipeline.startAgent(name);
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  it('that runs longer than its tasks may together is ended: what had ended stays, the rest has failed', async () => {
    // Both together are the time in which a slow machine must have started the batch and made `x:compile`; `y:compile` never ends.
    const exit = await pipeline.nx(command('x,y', 'compile'), {
      env: { DTE_TASK_TIMEOUT_MS: '{"x:compile":3000,"compile":9000,"*":60000}' },
    });

    expectExit(exit, 1, pipeline);
    const output = plain(exit.output);
    expect(output).toMatch(
      /y:compile had not finished when its batch of 2 exceeded the total time limit of its tasks on agent-\d .*\n {2}What to do: .*\n {2}Code: DTE_TASK_TIMEOUT/,
    );
    expect(output).not.toContain('x:compile had not finished');
    expect(output).toContain('waiting for nobody');
    expect(output).toMatch(/Failed tasks:\s+- y:compile\s/);
    expect(pipeline.main.read('dist/libs/x/out.txt')).toBe('x:compile streamed\n');
    expect(pipeline.main.exists('dist/libs/y/out.txt')).toBe(false);
  });

  it('whose agent is killed runs again as a whole on another one', async () => {
    fleet.clearJournal();
    const main = pipeline.startNx(command('a,b,c', 'compile,pack'));
    const held = await waitFor(
      'the batch to run',
      () => {
        const begun = fleet.journal().filter(({ what }) => what === 'start');
        return begun.length === 3 ? begun[0] : null;
      },
      { lastState: () => `${main.describe()}\n${pipeline.describe()}` },
    );
    const victim = pipeline.agent(held.machine).process;
    const family = processTree(victim.pid).map(({ pid }) => pid);
    victim.signal('SIGKILL');
    await waitFor('the end of everything the agent had started', () => !family.some(isRunning), {
      lastState: () => JSON.stringify(fleet.runningProcesses()),
    });
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    const other = AGENTS.filter((name) => name !== held.machine);
    const compiled = Object.entries(ranOn(fleet.journal())).filter(([id]) => id.endsWith(':compile'));
    expect(Object.fromEntries(compiled)).toEqual({
      'a:compile': other,
      'b:compile': other,
      'c:compile': other,
    });
    const processes = fleet.journal().filter(({ id, what }) => id.endsWith(':compile') && what === 'end');
    expect(new Set(processes.map(({ pid }) => pid)).size).toBe(1);
    expect(plain(exit.output)).toMatch(/1 retried/);
    for (const name of ['a', 'b', 'c'])
      expect(pipeline.main.read(`pack/${name}.txt`)).toBe(`${name}:compile together\n`);
    pipeline.agents.splice(AGENTS.indexOf(held.machine), 1);
    await pipeline.complete();
  });
});
