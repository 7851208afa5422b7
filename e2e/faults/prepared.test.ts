import { dirname } from 'node:path';
import {
  isRunning,
  processTree,
  type ProcessExit,
  type SampleProject,
  signalProcess,
  waitFor,
} from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { plain, ranOn } from '../support/log';
import { executorsOf, type Pair, pairProject, PreparedFleet, stepText } from '../support/prepared-fleet';

const PLAIN = ['executor', 'supervisor', 'cut', 'leave', 'restart', 'recalled', 'late'] as const;
type PairName = (typeof PLAIN)[number] | 'stored' | 'clobber' | 'folder';

const pairOf = (name: PairName): Pair => [`${name}1`, `${name}2`];
const otherOf = (name: string): string => `${name.slice(0, -1)}${name.endsWith('1') ? '2' : '1'}`;

/** Leaves something in a file of the other task's dependency or result, after its own work, whether or not it is there yet. */
const spoils = (file: string): string =>
  ` && mkdir -p ${dirname(file)} && node -e "require('fs').writeFileSync('${file}','spoiled\\\\n')"`;

type Projects = Record<string, SampleProject>;
const projectsOf = (names: readonly PairName[], make: (name: string) => SampleProject): Projects =>
  Object.fromEntries(names.flatMap(pairOf).map((name): [string, SampleProject] => [name, make(name)]));

const PROJECTS: Projects = {
  ...projectsOf(PLAIN, (name) => pairProject(name)),
  // Each replaces what the other has made, without saying so.
  ...projectsOf(['stored'], (name) =>
    pairProject(name, { rest: spoils(`dist/libs/${otherOf(name)}/step.txt`) }),
  ),
  // Each writes, as it says, where the dependency of the other is.
  ...projectsOf(['clobber'], (name) => {
    const there = `dist/libs/${otherOf(name)}/base.txt`;
    const outputs = [`{workspaceRoot}/dist/{projectRoot}/step.txt`, `{workspaceRoot}/${there}`];
    return pairProject(name, { rest: spoils(there), target: { outputs } });
  }),
  // Both write to one folder.
  ...projectsOf(['folder'], (name) => {
    const more = { writes: `dist/together/${name}.txt` };
    return pairProject(name, { more, target: { outputs: ['{workspaceRoot}/dist/together'] } });
  }),
};

describe('a task that its agent has prepared while another one runs', () => {
  let bench: PreparedFleet;

  beforeAll(async () => {
    bench = await PreparedFleet.open(PROJECTS);
    await bench.makeBases();
  });

  afterEach(async () => {
    await bench.settle();
  });

  afterAll(async () => {
    await bench.close();
  });

  const open = (...names: string[]): void => names.forEach((name) => bench.fleet.open(name));

  const expectStarts = (starts: Record<string, string[]>): void =>
    expect(Object.fromEntries(Object.keys(starts).map((name) => [name, bench.startsOf(name)]))).toEqual(
      starts,
    );
  const bothEnd = (): Promise<unknown> =>
    waitFor('the end of both', () => Object.keys(ranOn(bench.fleet.journal())).length === 2, {
      lastState: () => bench.describe(),
    });

  /** The command succeeded, with the files of both tasks, and no attempt was lost. */
  const expectWhole = (exit: ProcessExit, pair: Pair, { lost = 0 } = {}): void => {
    expectExit(exit, 0, bench.pipeline);
    for (const name of pair)
      expect(bench.pipeline.main.read(`dist/libs/${name}/step.txt`)).toBe(stepText(name));
    const output = plain(exit.output);
    expect(/(\d+) retried/.exec(output)?.[1] ?? '0').toBe(String(lost));
  };

  it('loses its executor: it is prepared again, at no cost', async () => {
    const pair = pairOf('executor');
    const name = await bench.onlyAgent();
    const agent = bench.processOf(name);
    const { main, runs, waits } = await bench.prepared(name, pair);
    const runsAt = bench.fleet.journal().find(({ what }) => what === 'start')!.pid;
    const idle = executorsOf(agent).find((pid) => !processTree(pid).some((each) => each.pid === runsAt))!;
    signalProcess(idle, 'SIGKILL');
    await waitFor('another executor', () => !isRunning(idle) && executorsOf(agent).length === 2, {
      lastState: () => bench.describe(),
    });
    open(runs, waits);
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [name] });
  });

  it('survives its coordinator, which is killed and started again', async () => {
    const pair = pairOf('restart');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    await bench.killCoordinator();
    await bench.restartCoordinator();
    open(runs, waits);
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [name] });
  });

  it('replaces what the other has made, while that is sent and the coordinator is killed: the main job gets what was made', async () => {
    const pair = pairOf('stored');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const release = bench.hold();
    open(runs);
    // Its slot is free although nothing of it has arrived.
    await bench.waitForStart(waits, name);
    open(waits);
    await bothEnd();
    await bench.killCoordinator();
    release();
    await bench.restartCoordinator();
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [name] });
  });

  it('starts while the agent is cut off, and both results count when it is back', async () => {
    const pair = pairOf('cut');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const release = bench.hold();
    bench.proxy.reset();
    open(runs);
    // Nobody tells the agent: it has everything that it needs, and the result of the first one waits.
    await bench.waitForStart(waits, name);
    open(waits);
    await bothEnd();
    release();
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [name] });
  });

  it('finds the files of its dependency as they were made, although the one before it says that it writes there', async () => {
    const pair = pairOf('clobber');
    const { main } = await bench.started(await bench.onlyAgent(), pair);
    open(...pair);
    expectWhole(await main.end(), pair);
  });

  it('leaves its files beside those of the one before it in a folder that both name as their output', async () => {
    const pair = pairOf('folder');
    const name = await bench.onlyAgent();
    const { main } = await bench.prepared(name, pair);
    open(...pair);
    expectExit(await main.end(), 0, bench.pipeline);
    for (const each of pair)
      expect(bench.pipeline.main.read(`dist/together/${each}.txt`)).toBe(stepText(each));
  });

  it('is taken back before it starts: it runs once, where a slot is free', async () => {
    const pair = pairOf('recalled');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const other = bench.startAgent();
    await bench.waitForStart(waits, other);
    open(waits, runs);
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [other] });
  });

  it('is taken back when it has started and nobody knows: it runs once, where it is', async () => {
    const pair = pairOf('late');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const release = bench.hold();
    const other = bench.startAgent({ direct: true });
    await bench.processOf(other).waitForOutput('is connected to');
    open(runs);
    await bench.waitForStart(waits, name);
    release();
    open(waits);
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [name] });
  });

  it('goes to another agent at once, at no cost, when its agent leaves', async () => {
    const pair = pairOf('leave');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const agent = bench.processOf(name);
    agent.signal('SIGTERM');
    const other = bench.startAgent();
    await bench.waitForStart(waits, other);
    open(runs, waits);
    expect((await agent.end()).code).toBe(0);
    expectWhole(await main.end(), pair);
    expectStarts({ [runs]: [name], [waits]: [other] });
  });

  it('loses its whole agent: only the one that ran counts as lost', async () => {
    const pair = pairOf('supervisor');
    const name = await bench.onlyAgent();
    const { main, runs, waits } = await bench.prepared(name, pair);
    const agent = bench.processOf(name);
    const family = processTree(agent.pid).map(({ pid }) => pid);
    agent.signal('SIGKILL');
    await waitFor('the end of everything that it had started', () => !family.some(isRunning));
    const other = bench.startAgent();
    open(runs, waits);
    const exit = await main.end();
    expectWhole(exit, pair, { lost: 1 });
    expect(plain(exit.output)).toContain('dte: 1 attempt was lost and retried: DTE_AGENT_LOST');
    expectStarts({ [runs]: [name, other], [waits]: [other] });
  });
});
