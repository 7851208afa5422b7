import { rmSync } from 'node:fs';
import {
  DEFAULT_NX_VERSION,
  NX_VERSIONS,
  type Fleet,
  type Machine,
  type ProcessExit,
} from '@org/dte-testing';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const TARGETS = '--targets=lint,test,build';
/** A minute for each task: 12 tasks, two at a time, are 6 minutes of work for one agent. */
const MINUTE_EACH = JSON.stringify({ lint: 60_000, test: 60_000, build: 60_000 });

describe.each(NX_VERSIONS)('dte plan, nx %s', (nx) => {
  let fleet: Fleet;
  let machine: Machine;

  beforeAll(() => {
    fleet = sampleFleet({ nx });
    machine = fleet.machine('plan', { env: { DTE_WEIGHTS: MINUTE_EACH, CI_DEFAULT_BRANCH: 'main' } });
  });
  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });
  beforeEach(() => fleet.clearJournal());

  const plan = (
    args: readonly string[],
    env: Record<string, string | undefined> = {},
  ): Promise<ProcessExit> => machine.dte(['plan', TARGETS, '--output=out/agents.yml', ...args], { env });

  it('finds the affected tasks with Nx, plans one agent for this many minutes, and runs nothing', async () => {
    const exit = await plan(['--agents-max=8', '--minutes-per-agent=2']);

    expect(exit).toMatchObject({ code: 0, stderr: '' });
    expect(exit.stdout).toBe('dte: 12 affected tasks · 12 for agents, about 12 min 0 s of work · 3 agents\n');
    expect(fleet.journal()).toEqual([]);
    expect(machine.read('out/agents.yml')).toContain('parallel: 3');
  });

  it('needs no agent when nothing is affected', async () => {
    const exit = await plan([], { NX_BASE: fleet.head });

    expect(exit.stdout).toBe('dte: 0 affected tasks · 0 for agents, about 0 s of work · 0 agents\n');
    expect(machine.read('out/agents.yml')).not.toContain('parallel:');
  });

  it('excludes what runs on the main job', async () => {
    const exit = await plan(['--agents-max=8', '--minutes-per-agent=2'], { DTE_RUN_ON_MAIN: 'shop:* lint' });

    expect(exit.stdout).toMatch(/12 affected tasks · 6 for the main job itself · 6 for agents/);
  });

  it('needs no agent when everything is cached, including tasks that are hashed late', async () => {
    const local = { DTE_RENDEZVOUS_DIR: undefined };
    const built = await machine.nx(['affected', '-t', 'lint,build', '--parallel=2'], { env: local });
    expect(built.code).toBe(0);
    const half = await plan([]);
    expect(half.stdout).toMatch(/12 affected tasks · 8 in cache · 4 for agents/);

    expect((await machine.nx(['affected', '-t', 'test', '--parallel=2'], { env: local })).code).toBe(0);
    fleet.clearJournal();
    // Late hashes depend on outputs, which the plan must restore first.
    rmSync(machine.path('dist'), { recursive: true });
    const all = await plan([]);

    expect(all.stdout).toBe(
      'dte: 12 affected tasks · 12 in cache · 0 for agents, about 0 s of work · 0 agents\n',
    );
    expect(fleet.journal()).toEqual([]);
  });

  if (nx !== DEFAULT_NX_VERSION) return;

  it('compares with the result of dte base-sha by default', async () => {
    machine.forget();
    const exit = await plan(['--agents-max=2'], { NX_BASE: undefined, NX_HEAD: '' });

    expect(exit.stdout).toMatch(/12 affected tasks .* 2 agents/);
    expect(exit.stderr).toContain(`dte: base ${fleet.base}`);
  });

  it('passes further arguments to nx affected', async () => {
    const exit = await plan(['--', '--exclude=shop']);

    expect(exit.stdout).toMatch(/^dte: 9 affected tasks/);
  });

  it('plans the maximum number of agents if nx fails, prints why, and does not fail', async () => {
    const exit = await plan(['--agents-max=5', '--', '--no-such=argument', '--output-style=none-such']);

    expect(exit.code).toBe(0);
    expect(exit.stdout).toBe('dte: the affected tasks are unknown · 5 agents\n');
    expect(plain(exit.stderr)).toMatch(/nx affected [\s\S]*DTE_PLAN_FAILED/);
  });

  it('plans no agent if Nx would not call the runner, and runs nothing', async () => {
    const exit = await plan([], { NX_NO_CLOUD: 'true' });

    expect(exit.stdout).toBe('dte: the affected tasks are unknown · 0 agents\n');
    expect(exit.stderr).toContain('DTE_SEAM_OFF');
    expect(fleet.journal()).toEqual([]);
  });

  it('rejects an invalid flag', async () => {
    const exit = await plan(['--minutes-per-agent=soon']);

    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/--minutes-per-agent has "soon"[\s\S]*DTE_BAD_CONFIG/);
  });
});
