import { readFileSync } from 'node:fs';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import {
  AFFECTED,
  type Fleet,
  type Machine,
  Pipeline,
  type ProcessExit,
  sampleCommand,
} from '@org/dte-testing';
import { ownLines, plain, withoutTimes } from '../support/log';
import { AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';

const PROJECTS = {
  first: {
    root: 'libs/first',
    targets: {
      check: { command: sampleCommand('first:check', { lines: 3, exit: 7 }) },
      talk: { command: sampleCommand('first:talk', { lines: 5, sleep: 200 }) },
    },
  },
  second: {
    root: 'libs/second',
    dependsOn: ['first'],
    targets: { check: { command: sampleCommand('second:check') } },
  },
  third: { root: 'libs/third', targets: { check: { command: sampleCommand('third:check', { lines: 1 }) } } },
};

/** Lines without what always differs: our own, times, where a task ran. Sorted, because tasks end in any order. */
const comparable = (output: string): string[] =>
  withoutTimes(output)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('dte:'))
    .map((line) => line.replaceAll(/ on (main|alone|agent-\d)/g, ' on <machine>'))
    // Nx 24 adds figures that are derived from the times.
    .filter((line) => !/Recoverable time|Critical path|Run duration/.test(line))
    // From --verbose: processes and sockets of the plugins.
    .filter((line) => !/^\[(isolated-plugin|plugin-worker)\]/.test(line))
    .sort();

describe("the main job's log", () => {
  let fleet: Fleet;
  let pipeline: Pipeline;
  let alone: Machine;

  beforeAll(async () => {
    fleet = sampleFleet({
      projects: PROJECTS,
      targetDefaults: { check: { dependsOn: ['^check'], cache: true }, talk: { cache: true } },
    });
    pipeline = await Pipeline.start(fleet, 2);
    alone = fleet.machine('alone', { ci: false, env: { CI: 'true' } });
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
    pipeline.main.forget();
    alone.forget();
  });

  // The default, and every style that a user can request. The TUI needs a terminal; without one, Nx uses the default.
  it.each([
    [],
    ['--output-style=static'],
    ['--output-style=stream'],
    ['--output-style=stream-without-prefixes'],
    ['--verbose'],
  ])('reads as if Nx had run everything itself: %j', async (...style) => {
    const command = [...AFFECTED, '--skip-nx-cache', ...style];
    const distributed = await pipeline.nx(command);
    const local = await alone.nx(command);

    expectExit(distributed, 0, pipeline);
    expect(comparable(distributed.output)).toEqual(comparable(local.output));
    expect(ownLines(distributed.output).length).toBeLessThanOrEqual(3);
    expect(
      new Set(
        fleet
          .journal()
          .filter(({ machine }) => machine !== 'alone')
          .map(({ id }) => id),
      ).size,
    ).toBe(AFFECTED_TASKS.length);
  });

  /** Nx itself sometimes loses output: a command that ends immediately may be reaped before its pipe is read. */
  async function untilComplete(run: () => Promise<ProcessExit>, line: string): Promise<ProcessExit> {
    for (let tries = 1; ; tries++) {
      const exit = await run();
      if (plain(exit.output).includes(line) || tries === 5) return exit;
    }
  }

  it.each([[], ['--output-style=static'], ['--output-style=stream']])(
    'reads so when a task fails: %j',
    async (...style) => {
      const command = ['run-many', '-t', 'check', '--parallel=2', '--skip-nx-cache', ...style];
      const distributed = await pipeline.nx(command);
      const local = await untilComplete(() => alone.nx(command), 'first:check line 3');

      expect(distributed.code).toBe(local.code);
      expect(distributed.code).not.toBe(0);
      expect(comparable(distributed.output)).toEqual(comparable(local.output));
      expect(plain(distributed.output)).toContain('first:check line 3');
    },
  );

  it('stores the output of a failed task in the file that --output-style=summary names', async () => {
    const command = ['run-many', '-t', 'check', '--parallel=2', '--skip-nx-cache', '--output-style=summary'];
    const distributed = await pipeline.nx(command);

    expect(distributed.code).not.toBe(0);
    const [path = ''] = /\S+\/terminalOutputs\/\d+/.exec(plain(distributed.output)) ?? [];
    expect(readFileSync(path, 'utf8')).toContain('first:check line 3');
  });

  it('shows the output of a task while it runs if streaming is requested', async () => {
    const main = pipeline.startNx(['run', 'first:talk', '--skip-nx-cache', '--output-style=stream']);

    await main.waitForOutput('first:talk line 5');
    expect(main.running).toBe(true);
    expect((await main.end()).code).toBe(0);
  });

  it('names the agents and what ran where', async () => {
    const exit = await pipeline.nx([...AFFECTED, '--skip-nx-cache']);

    const lines = ownLines(exit.output);
    expect(lines[0]).toMatch(/pipeline-1 · 2 agents · \d+ slots/);
    expect(lines.at(-1)).toMatch(/12 tasks on 2 agents in .* · agent-\d: \d+ · agent-\d: \d+/);
  });
});
