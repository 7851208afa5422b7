import { NX_VERSIONS } from './install-majors';
import type { EnvironmentStep, HostEnvironmentsResult } from './scenarios/host-environments';
import { makeWorkspace, project } from './support/workspace';

/** A variable that commands forward, one of the root's .env file, one of the project's, and one that must not leak. */
const SHELL = 'seen=$STAGE,$ROOT,$OWN,$LEFT';
const JS = `'seen=' + ['STAGE', 'ROOT', 'OWN', 'LEFT'].map((name) => process.env[name] ?? '').join(',')`;

const FILES = {
  '.env': 'ROOT=root\n',
  'packages/app/.env': 'OWN=first\n',
  'tools/own/package.json': JSON.stringify({ name: 'own', version: '0.0.0', executors: './executors.json' }),
  'tools/own/executors.json': JSON.stringify({
    executors: {
      one: { implementation: './one.js', schema: './schema.json' },
      many: { implementation: './one.js', batchImplementation: './many.js', schema: './schema.json' },
    },
  }),
  'tools/own/schema.json': JSON.stringify({ type: 'object', properties: {} }),
  'tools/own/one.js': `module.exports = async () => { console.log(${JS}); return { success: true }; };`,
  'tools/own/many.js': `module.exports = async (graph) => Object.fromEntries(
    Object.keys(graph.tasks).map((id) => [id, { success: true, terminalOutput: ${JS} }]));`,
  ...project('app', {
    command: {
      executor: 'nx:run-commands',
      inputs: [{ env: 'STAGE' }, { runtime: 'echo $STAGE' }],
      // Nx may lose the output of a command that ends immediately.
      options: { command: `echo ${SHELL} && sleep 0.1` },
    },
    forked: { executor: './tools/own:one' },
    batch: { executor: './tools/own:many' },
    serve: {
      executor: 'nx:run-commands',
      continuous: true,
      options: { command: `echo ${SHELL} && sleep 0.1` },
    },
    use: { executor: 'nx:run-commands', dependsOn: ['serve'], options: { command: 'true' } },
  }),
};

const STEPS: EnvironmentStep[] = [
  { run: 'r1', values: { STAGE: 'staging' }, batch: true },
  { run: 'r2', values: { STAGE: 'production' }, reconnect: true, batch: true },
  { run: 'r3', values: { STAGE: null }, batch: true },
  { run: 'r3', values: {}, leftBehind: { LEFT: 'behind', STAGE: 'left' } },
  // The same values, but another command, before which a script has changed a file.
  { run: 'r4', values: {}, dotEnv: 'OWN=second\n' },
  { run: 'r5', values: { STAGE: 'staging', ROOT: 'of-command', OWN: 'of-command' } },
  { run: 'r6', values: { STAGE: 'production', ROOT: null }, reconnect: true },
];

/** What a task sees, and a batch, to whose process Nx gives no .env files of projects. */
const EXPECTED: [task: string, batch: string][] = [
  ['staging,root,first,', 'staging,root,,'],
  ['production,root,first,', 'production,root,,'],
  [',root,first,', ',root,,'],
  [',root,first,', ''],
  [',root,second,', ''],
  ['staging,of-command,of-command,', ''],
  // If the command does not set it, the task has the value of the file, as in plain Nx.
  ['production,root,second,', ''],
];

describe.each(NX_VERSIONS)('the environment of a command, nx %s', (version) => {
  it('is that of its tasks, batches and servers, whatever the executor did before and however often it connected', async () => {
    const workspace = makeWorkspace(version, FILES);
    try {
      const { result } = await workspace.run<HostEnvironmentsResult>('host-environments', { steps: STEPS });
      const seen = result.seen.map(({ command, forked, batch }) => [command, forked, batch]);
      expect(seen).toEqual(EXPECTED.map(([own, ofBatch]) => [own, own, ofBatch]));
      // As many hashes as values: staging, production, none.
      const byValue = new Map<string, Set<string>>();
      for (const [index, { hash }] of result.seen.entries()) {
        const value = STEPS[index]?.values['STAGE'] ?? '';
        byValue.set(value, (byValue.get(value) ?? new Set()).add(hash));
      }
      const hashes = [...byValue.values()].flatMap((set) => [...set]);
      expect([hashes.length, new Set(hashes).size]).toEqual([3, 3]);
      expect(result.server).toBe(version.startsWith('20.') ? '' : 'of-server,root,second,');
      expect(result.left).toEqual([]);
    } finally {
      workspace.remove();
    }
  });
});
