import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { HostGraphInput, HostGraphResult } from './scenarios/host-graph';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** A plugin that infers a target, as @nx/eslint does, and writes down each time that it is asked. */
const PLUGIN = `
  const { appendFileSync } = require('node:fs');
  const { dirname, join } = require('node:path');
  const infer = ['**/inferred.json', (files) => {
    appendFileSync(join(__dirname, '..', 'asked'), 'x');
    return files.map((file) => [file, { projects: { [dirname(file)]: {
      name: 'inferred',
      targets: { build: { command: 'echo built', cache: true, inputs: ['default'] } },
    } } }]);
  }];
  module.exports = { name: 'infers', createNodes: infer, createNodesV2: infer };
`;

const FILES = {
  'nx.json': JSON.stringify({
    namedInputs: { default: ['{projectRoot}/**/*'] },
    plugins: ['./tools/plugin.js'],
  }),
  '.gitignore': 'node_modules\ndist\nasked\n.nx\n',
  // Nx 22 looks there for local plugins.
  'tsconfig.base.json': JSON.stringify({ compilerOptions: {} }),
  'tools/plugin.js': PLUGIN,
  'libs/inferred/inferred.json': '{}',
  'libs/inferred/a.txt': 'one',
  ...project('plain', { build: 'echo plain' }),
};

describe.each(NX_VERSIONS)('the project graph of several hosts, nx %s', (version) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = makeWorkspace(version, FILES);
  });
  afterEach(() => workspace.remove());

  const open = async (sharedGraph?: string | null, env: NodeJS.ProcessEnv = {}): Promise<HostGraphResult> => {
    const input: Partial<HostGraphInput> = sharedGraph == null ? {} : { sharedGraph };
    return (await workspace.run<HostGraphResult>('host-graph', input, env)).result;
  };
  const asked = (): number => {
    const path = join(workspace.root, 'asked');
    return existsSync(path) ? readFileSync(path, 'utf8').length : 0;
  };

  it('is built once: a second host asks no plugin and has the same hashes', async () => {
    const first = await open();
    expect(first.stored).toMatch(/^[0-9a-f]{64}$/);
    const before = asked();
    expect(before).toBeGreaterThan(0);
    const second = await open(first.stored);
    expect(asked()).toBe(before);
    expect(second).toEqual(first);
    expect(second.variables).toEqual([]);
  });

  it('is shared, but files are hashed as they are now', async () => {
    const first = await open();
    workspace.write({ 'libs/inferred/b.txt': 'two' });
    const shared = await open(first.stored);
    expect(shared.hash).not.toBe(first.hash);
    expect(shared.hash).toBe((await open()).hash);
  });

  it('is built again if Nx has another one by now', async () => {
    const first = await open();
    await open();
    const before = asked();
    const other = await open(first.stored);
    expect(asked()).toBeGreaterThan(before);
    expect(other.stored).not.toBe(first.stored);
  });

  it('cannot be shared if Nx does not keep it', async () => {
    await open();
    workspace.write(project('new', { build: 'echo new' }));
    const { stored } = await open(null, { NX_CACHE_PROJECT_GRAPH: 'false' });
    expect(stored).toBeNull();
  });
});
