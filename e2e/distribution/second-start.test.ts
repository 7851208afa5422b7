import { type Fleet, Pipeline } from '@org/dte-testing';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Far beyond what any run here may take, so that whoever waits for it fails. */
const HANGS_S = 600;
/** From a late task to the end of its command; the second start is due five seconds after the usual time. */
const SOON_MS = 120_000;

const WRITES = (name: string): string => `echo made on $MACHINE | tee dist/apps/${name}/out.txt`;

/** Hangs on the first machine that comes while it is armed, or until a gate opens; elsewhere it does what is said. */
const hangsOnce = (name: string, { until, elsewhere }: Record<'until' | 'elsewhere', string>): object => ({
  cache: true,
  command: [
    `mkdir -p dist/apps/${name}`,
    `if mv $SAMPLE_GATES/armed-${name} $SAMPLE_GATES/hung-${name} 2>/dev/null; then echo hangs on $MACHINE; ${until}; else ${elsewhere}; fi`,
    WRITES(name),
  ].join('; '),
  outputs: ['{workspaceRoot}/dist/{projectRoot}'],
});

const GATE_OPENS = `timeout ${HANGS_S} sh -c 'until test -e $SAMPLE_GATES/go; do sleep 0.1; done'`;

const PROJECTS = {
  stuck: {
    root: 'apps/stuck',
    targets: { make: hangsOnce('stuck', { until: `sleep ${HANGS_S}`, elsewhere: 'true' }) },
  },
  broken: {
    root: 'apps/broken',
    targets: {
      make: hangsOnce('broken', {
        until: GATE_OPENS,
        elsewhere: 'if test -e $SAMPLE_GATES/hung-broken; then echo fails on $MACHINE; exit 3; fi',
      }),
    },
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
  const argsFor = (project: string): string[] => [
    'run-many',
    '-t',
    'make',
    '-p',
    project,
    '--output-style=static',
  ];

  const TWICE = (project: string): RegExp =>
    new RegExp(
      `dte: ${project}:make ran for longer than usual on (\\S+), was started a second time on (\\S+), which had the first result\\.`,
    );

  it('is started a second time on another one, whose success is the result, with its output and files', async () => {
    writeFileSync(gate('armed-stuck'), '');
    const startedMs = Date.now();
    const exit = await pipeline.nx(argsFor('stuck'));

    expectExit(exit, 0, pipeline);
    expect(Date.now() - startedMs).toBeLessThan(SOON_MS);
    const output = plain(exit.output);
    const [, first, second] = TWICE('stuck').exec(output) ?? [];
    expect(new Set([first, second, undefined]).size).toBe(3);
    expect(output).toContain(`made on ${second}`);
    expect(output).not.toContain('hangs on agent-');
    expect(pipeline.main.read('dist/apps/stuck/out.txt')).toBe(`made on ${second}\n`);
  });

  it('is left alone where the option says so, until its time is up', async () => {
    writeFileSync(gate('armed-broken'), '');
    const env = { DTE_SECOND_START: '{"make":false}', DTE_TASK_TIMEOUT_MS: '9000' };
    const exit = await pipeline.nx(argsFor('broken'), { env });

    expectExit(exit, 1, pipeline);
    expect(plain(exit.output)).not.toContain('second time');
    expect(existsSync(gate('hung-broken'))).toBe(true);
  });

  it('has the result of its first attempt if the second one fails', async () => {
    writeFileSync(gate('armed-broken'), '');
    const main = pipeline.startNx(argsFor('broken'));
    await main.waitForOutput('has the result that counts');
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    const output = plain(exit.output);
    const [, first, second] =
      /dte: broken:make ran for longer than usual on (\S+), was started a second time on (\S+), where it failed; /.exec(
        output,
      ) ?? [];
    expect(new Set([first, second, undefined]).size).toBe(3);
    expect(output).toContain(`made on ${first}`);
    expect(output).not.toMatch(/fails on agent-|and is retried/);
    expect(pipeline.main.read('dist/apps/broken/out.txt')).toBe(`made on ${first}\n`);
  });
});
