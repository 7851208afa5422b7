import { type Fleet, Pipeline } from '@org/dte-testing';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Far beyond what any run here may take, so that whoever waits for it fails. */
const HANGS_S = 600;
/** From a late task to the end of its command; the second start is due five seconds after the usual time. */
const SOON_MS = 120_000;

/** Hangs on the first machine that comes while it is armed; succeeds at once elsewhere, or fails there. */
const hangsOnce = (name: string, then: string): object => ({
  cache: true,
  command: [
    `mkdir -p dist/apps/${name}`,
    `if mv $SAMPLE_GATES/armed-${name} $SAMPLE_GATES/hung-${name} 2>/dev/null; then echo hangs on $MACHINE; sleep ${HANGS_S}; fi`,
    `echo made on $MACHINE | tee dist/apps/${name}/out.txt`,
    then,
  ].join('; '),
  outputs: ['{workspaceRoot}/dist/{projectRoot}'],
});

const PROJECTS = {
  stuck: { root: 'apps/stuck', targets: { make: hangsOnce('stuck', 'exit 0') } },
  broken: {
    root: 'apps/broken',
    targets: { make: hangsOnce('broken', 'if test -e $SAMPLE_GATES/hung-broken; then exit 3; fi') },
  },
};

describe('a task that hangs on one agent', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    // One that was outrun gets no second starts before it has shown that it is not slow.
    pipeline = await Pipeline.start(fleet, 3);
    // As often as is needed to know what is usual.
    for (let known = 0; known < 3; known++)
      expectExit(await pipeline.nx(['run-many', '-t', 'make', '--skip-nx-cache']), 0, pipeline);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const gate = (name: string): string => join(fleet.folder, 'gates', name);
  const make = (project: string, env: Record<string, string> = {}) =>
    pipeline.nx(['run-many', '-t', 'make', '-p', project, '--output-style=static'], { env });

  const TWICE = (project: string): RegExp =>
    new RegExp(
      `dte: ${project}:make ran for longer than usual on (\\S+), was started a second time on (\\S+), which had the first result\\.`,
    );

  it('is started a second time on another one, whose success is the result, with its output and files', async () => {
    writeFileSync(gate('armed-stuck'), '');
    const startedMs = Date.now();
    const exit = await make('stuck');

    expectExit(exit, 0, pipeline);
    expect(Date.now() - startedMs).toBeLessThan(SOON_MS);
    const output = plain(exit.output);
    const [, first, second] = TWICE('stuck').exec(output) ?? [];
    expect(new Set([first, second, undefined]).size).toBe(3);
    expect(output).toContain(`made on ${second}`);
    expect(output).not.toContain('hangs on agent-');
    expect(pipeline.main.read('dist/apps/stuck/out.txt')).toBe(`made on ${second}\n`);
  });

  it('fails the command if the first result of the two is a failure', async () => {
    writeFileSync(gate('armed-broken'), '');
    const exit = await make('broken');

    expectExit(exit, 1, pipeline);
    const output = plain(exit.output);
    const [, first, second] = TWICE('broken').exec(output) ?? [];
    expect(new Set([first, second, undefined]).size).toBe(3);
    expect(output).toContain(`made on ${second}`);
    expect(output).not.toContain('and is retried');
  });

  it('is left alone where the option says so, until its time is up', async () => {
    renameSync(gate('hung-broken'), gate('armed-broken'));
    const env = { DTE_SECOND_START: '{"make":false}', DTE_TASK_TIMEOUT_MS: '9000' };
    const exit = await make('broken', env);

    expectExit(exit, 1, pipeline);
    expect(plain(exit.output)).not.toContain('second time');
    expect(existsSync(gate('hung-broken'))).toBe(true);
  });
});
