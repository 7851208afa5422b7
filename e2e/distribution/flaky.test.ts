import { Pipeline, type Fleet } from '@org/dte-testing';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Fails if the gate is not open yet, and opens it. */
const failsOnce = (name: string): string =>
  [
    `mkdir -p dist/apps/${name}`,
    `if test -e $SAMPLE_GATES/${name}; then echo good luck on $MACHINE | tee dist/apps/${name}/out.txt;`,
    `else touch $SAMPLE_GATES/${name}; echo bad luck on $MACHINE | tee dist/apps/${name}/out.txt; exit 7; fi`,
  ]
    .join(' && ')
    .replace('; &&', ';');

const target = (command: string): object => ({
  cache: true,
  command,
  outputs: ['{workspaceRoot}/dist/{projectRoot}'],
});

const PROJECTS = {
  shaky: { root: 'apps/shaky', targets: { shake: target(failsOnce('shaky')) } },
  wobbly: { root: 'apps/wobbly', targets: { wobble: target(failsOnce('wobbly')) } },
};

describe('a task that fails on its first attempt', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = await Pipeline.start(fleet, 2);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const close = (gate: string): void => rmSync(join(fleet.folder, 'gates', gate), { force: true });
  const shake = (env: Record<string, string> = {}, in_ = pipeline) =>
    in_.nx(['run-many', '-t', 'shake', '--skip-nx-cache', '--output-style=static'], { env });

  it('is retried on the other agent according to its retries, and its output and files are kept', async () => {
    const exit = await shake({ DTE_RETRIES: '{"shake":1}' });

    expectExit(exit, 0, pipeline);
    const output = plain(exit.output);
    const [, first, path] =
      /shaky:shake failed on (\S+) \(exit code 7\) and is retried \(1 of 1, option retries\)\. Its output: (\S+)/.exec(
        output,
      ) ?? [];
    const second = first === 'agent-1' ? 'agent-2' : 'agent-1';
    expect(output).toContain(`  | bad luck on ${first}`);
    expect(output).toContain(`good luck on ${second}`);
    expect(output).toContain(`shaky:shake passed on ${second} after failing on ${first}: it is flaky`);
    expect(pipeline.main.read(path!)).toContain(`\nbad luck on ${first}\n`);
    expect(pipeline.main.read(join(path!, '../files/dist/apps/shaky/out.txt'))).toBe(
      `bad luck on ${first}\n`,
    );
    expect(pipeline.main.read('dist/apps/shaky/out.txt')).toBe(`good luck on ${second}\n`);
  });

  it('is known to be flaky from then on, and retried once without configuration', async () => {
    close('shaky');
    const exit = await shake();

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output)).toMatch(
      /shaky:shake failed on \S+ \(exit code 7\) and is retried \(it is known to be flaky, option retryFlaky\)/,
    );
    const { output } = await pipeline.dte(['status']);
    expect(plain(output)).toMatch(/shaky:shake +\d{4}-/);
  });

  it('fails the command if retries are disabled', async () => {
    close('shaky');
    const exit = await shake({ DTE_RETRY_FLAKY: 'false' });

    expectExit(exit, 1, pipeline);
    expect(plain(exit.output)).not.toContain('retried');
  });

  it('leaves its success in the cache, not its failure, even with NX_CACHE_FAILURES', async () => {
    const env = { DTE_RETRIES: '1', NX_CACHE_FAILURES: 'true' };
    expectExit(await pipeline.nx(['run-many', '-t', 'wobble'], { env }), 0, pipeline);
    pipeline.main.forget();
    close('wobbly');
    const exit = await pipeline.nx(['run-many', '-t', 'wobble'], { env });

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output)).toContain('1 from cache');
  });

  it('is remembered by the next pipeline, which has another coordinator', async () => {
    await pipeline.complete();
    const next = new Pipeline(fleet, pipeline.main, { DTE_SESSION_ID: 'pipeline-2' });
    await next.startCiRun();
    next.startAgent('agent-3');
    close('shaky');
    const exit = await shake({}, next);
    pipeline = next;

    expectExit(exit, 0, next);
    expect(plain(exit.output)).toContain('it is known to be flaky');
  });
});
