import { execFileSync } from 'node:child_process';
import { completeAndClose } from '../support/close';
import { faultFleet } from '../support/fault-fleet';
import { ownLines, plain } from '../support/log';
import { type Fleet, Pipeline, type RunningProcess, waitFor } from '@org/dte-testing';

const hasScript = ((): boolean => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

/** A terminal of 30 lines, in which Nx shows its terminal UI as outside CI. */
const inTerminal = (pipeline: Pipeline, args: string[]): RunningProcess =>
  pipeline.main.start(
    'script',
    ['-qec', `stty rows 30 cols 120; node_modules/.bin/nx ${args.join(' ')}`, '/dev/null'],
    {
      env: { ...pipeline.env, CI: undefined, NX_TUI: 'true', TERM: 'xterm-256color', SHELL: '/bin/sh' },
      keys: true,
    },
  );

(hasScript ? describe : describe.skip)("Nx's terminal UI", () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = faultFleet();
    pipeline = await Pipeline.start(fleet, 1);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
    pipeline.main.forget();
  });

  it('ends with Ctrl-C, which stops what runs on the agents', async () => {
    const main = inTerminal(pipeline, ['run-many', '-t', 'hold', '--parallel=2', '--skip-nx-cache']);
    await waitFor(
      'two tasks on the agent',
      () => fleet.journal().filter(({ what }) => what === 'start').length === 2,
    );
    main.type('\u0003');
    const exit = await main.end();

    expect(exit.code).toBe(130);
    // Printed again on the screen that the UI has restored.
    expect(plain(exit.output)).toMatch(/dte: session pipeline-1 · 1 agent · 2 slots\s*$/);
    const log = (): string => plain(pipeline.agent('agent-1').process.output());
    await waitFor(
      'two stopped tasks',
      () => log().match(/:hold {2}stopped: no longer needed/g)?.length === 2,
    );
    expect(fleet.journal().filter(({ what }) => what === 'end')).toEqual([]);
  });

  it('shows how tasks end and what they print, and leaves both on the screen with our lines', async () => {
    fleet.open('go');
    const main = inTerminal(pipeline, ['run-many', '-t', 'wrong', '--parallel=2', '--tui-auto-exit=1']);
    const exit = await main.end();

    expect(exit.code).toBe(1);
    const text = plain(exit.output);
    expect(text).toContain('✖  nx run held1:wrong');
    expect(text).toContain('Warning: command "node tools/task.cjs held1:wrong');
    expect(text).toContain('1/4 targets failed');
    expect(ownLines(exit.output).at(-1)).toMatch(/4 tasks on 1 agent/);
  });
});
