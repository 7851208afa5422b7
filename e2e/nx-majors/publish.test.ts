import { NX_VERSIONS, Pipeline, type Fleet } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain } from '../support/log';
import { publishFleet } from '../support/publish-workspace';

const BUILD = ['run-many', '-t', 'build', '--output-style=static'];

/** Lines of the sample commands, in order of names. */
const said = (output: string): string[] =>
  plain(output)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(built|published) \w+ \S+ on /.test(line))
    .sort();

describe.each(NX_VERSIONS)('a release from dist with nx %s', (nx) => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = publishFleet(nx);
    pipeline = await Pipeline.start(fleet, 1);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  it('publishes what the main job has written to dist after an agent built it', async () => {
    const build = await pipeline.nx(BUILD);
    expectExit(build, 0, pipeline);
    expect(said(build.output)).toEqual(['built one 1.0.0 on agent-1', 'built two 1.0.0 on agent-1']);
    pipeline.main.write('dist/packages/one/version.txt', '1.1.0\n');

    const exit = await pipeline.nx(['release', 'publish', '--verbose']);

    expectExit(exit, 0, pipeline);
    expect(said(exit.output)).toEqual(['published one 1.1.0 on main', 'published two 1.0.0 on main']);
    expect(ownLines(exit.output)[0]).toBe(
      'dte: one:nx-release-publish and two:nx-release-publish run on the main job (runOnMain: nx-release-publish)',
    );
  });

  it('builds projects with uncommitted changes on the main job, and names the file; nothing is considered flaky', async () => {
    pipeline.main.write('packages/two/version.txt', '1.2.0\n');

    const refused = await pipeline.nx(BUILD, { env: { DTE_ON_HASH_MISMATCH: 'fail' } });
    const exit = await pipeline.nx(BUILD);

    expect(refused.code).toBe(1);
    expect(plain(refused.output)).toContain('DTE_HASH_MISMATCH');
    expectExit(exit, 0, pipeline);
    expect(said(exit.output)).toContain('built two 1.2.0 on main');
    expect(pipeline.main.read('dist/packages/two/version.txt')).toBe('1.2.0\n');
    expect(ownLines(exit.output)).toContain(
      'dte: two:build runs on the main job (uncommitted changes here that the agents do not have: packages/two/version.txt)',
    );
    expect(`${refused.output}${exit.output}`).not.toMatch(/flaky/i);
  });
});
