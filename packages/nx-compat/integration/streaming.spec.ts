import { stripVTControlCharacters } from 'node:util';
import { NX_VERSIONS } from './install-majors';
import type { MainRunResult } from './scenarios/main-run';
import { makeWorkspace, project, type ScenarioResult, type Workspace } from './support/workspace';

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
  ...project('failing', { build: 'echo one && exit 3' }),
  ...project('serial', {
    build: {
      executor: 'nx:run-commands',
      options: { commands: ["echo '> one'", "echo '> two' && exit 3"], parallel: false },
    },
  }),
  ...project('forked', { build: { executor: './tools/executors:talk' } }),
};

const CASES: [id: string, prefixed: boolean][] = [
  ['shell:build', false],
  ['shell:build', true],
  ['failing:build', true],
  ['serial:build', true],
  ['forked:build', false],
  ['forked:build', true],
];

describe.each(NX_VERSIONS)('a streamed task on the main job, nx %s', (version) => {
  let workspace: Workspace;
  let nx: ScenarioResult<MainRunResult>[];
  let ours: ScenarioResult<string>[];

  beforeAll(async () => {
    workspace = makeWorkspace(version, FILES);
    const runs = CASES.map(([id, prefixed]) => ({
      targets: ['build'],
      nxArgs: { skipNxCache: true },
      subset: { taskIds: [id] },
      env: { NX_STREAM_OUTPUT: 'true', NX_PREFIX_OUTPUT: String(prefixed) },
    }));
    nx = await workspace.runEach<MainRunResult>('main-run', runs);
    ours = await workspace.runEach<string>(
      'stream-print',
      CASES.map(([id, prefixed]) => ({ id, prefixed })),
    );
  });

  afterAll(() => {
    workspace.remove();
  });

  /** With prefixes, 20 and 21 show the header of run-commands in colour, because they run it in another process. */
  const comparable = (text = ''): string => stripVTControlCharacters(text);

  it.each(CASES.map(([id, prefixed], index) => [id, prefixed, index] as const))(
    'prints what Nx itself streams for %s, prefixed: %s',
    (id, _prefixed, index) => {
      expect(nx[index]?.stdout).toContain(`nx run ${id}`);
      expect(comparable(ours[index]?.stdout)).toBe(comparable(nx[index]?.stdout));
    },
  );
});
