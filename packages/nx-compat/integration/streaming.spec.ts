import { stripVTControlCharacters } from 'node:util';
import { NX_VERSIONS } from './install-majors';
import type { MainRunResult } from './scenarios/main-run';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const FILES = {
  'tools/executors/package.json': JSON.stringify({
    name: 'executors',
    version: '0.0.0',
    executors: './executors.json',
  }),
  'tools/executors/executors.json': JSON.stringify({
    executors: { talk: { implementation: './talk.js', schema: './schema.json' } },
  }),
  'tools/executors/schema.json': JSON.stringify({ type: 'object', properties: {} }),
  'tools/executors/talk.js': `module.exports = async () => {
    console.log('first');
    console.log('');
    console.log('second');
    return { success: true };
  };`,
  ...project('shell', { build: 'echo one && echo two' }),
  ...project('forked', { build: { executor: './tools/executors:talk' } }),
};

describe.each(NX_VERSIONS)('a streamed task on the main job, nx %s', (version) => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = makeWorkspace(version, FILES);
  });

  afterEach(() => {
    workspace.remove();
  });

  /**
   * The command line run-commands prints first: with prefixes, 20 and 21 show it in colour, since they run it in another
   * process then, and later ones not at all.
   */
  const withoutCommandLine = (text: string): string =>
    stripVTControlCharacters(text).replace(/^shell: > echo one.*\n/m, '');

  it.each([
    ['shell:build', false],
    ['shell:build', true],
    ['forked:build', false],
    ['forked:build', true],
  ])('looks as Nx itself streams %s, prefixed: %s', async (id, prefixed) => {
    const input = { targets: ['build'], nxArgs: { skipNxCache: true }, subset: { taskIds: [id] } };
    const env = { NX_STREAM_OUTPUT: 'true', NX_PREFIX_OUTPUT: String(prefixed) };
    const nx = await workspace.run<MainRunResult>('main-run', input, env);
    const ours = await workspace.run<string>('stream-print', { id, prefixed });
    expect(nx.stdout).toContain(`nx run ${id}`);
    expect(withoutCommandLine(ours.stdout)).toBe(withoutCommandLine(nx.stdout));
  });
});
