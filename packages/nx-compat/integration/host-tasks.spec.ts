import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { HostTasksResult } from './scenarios/host-tasks';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** An executor of the workspace, which Nx runs in a forked process. */
const EXECUTORS = {
  'tools/executors/package.json': JSON.stringify({
    name: 'executors',
    version: '0.0.0',
    executors: './executors.json',
  }),
  'tools/executors/executors.json': JSON.stringify({
    executors: {
      talk: { implementation: './talk.js', schema: './schema.json' },
      throw: { implementation: './throw.js', schema: './schema.json' },
      flood: { implementation: './flood.js', schema: './schema.json' },
      exit: { implementation: './exit.js', schema: './schema.json' },
    },
  }),
  'tools/executors/schema.json': JSON.stringify({ type: 'object', properties: {} }),
  'tools/executors/talk.js': `module.exports = async () => { console.log('first'); console.error('second'); process.stdout.write('żółw\\n'); return { success: true }; };`,
  'tools/executors/throw.js': `module.exports = async () => { throw new Error('thrown on purpose'); };`,
  'tools/executors/flood.js': `module.exports = async () => {
    const line = 'x'.repeat(99) + '\\n';
    for (let i = 0; i < 20; i++) await new Promise((done) => process.stdout.write(line.repeat(1000), done));
    return { success: true };
  };`,
  'tools/executors/exit.js': `module.exports = async () => { console.log('leaving'); process.exit(7); };`,
};
const custom = (name: string): object => ({ executor: `./tools/executors:${name}` });

const FILES = {
  ...EXECUTORS,
  ...project('good', {
    build: 'mkdir -p packages/good/dist && echo data > packages/good/dist/out.txt && echo built',
  }),
  ...project('bad', { build: 'echo oops && exit 3' }),
  ...project('killed', { build: 'echo dying && kill -9 $$' }),
  ...project('missing', { build: { executor: 'no-such-package:build' } }),
  ...project('talk', { build: custom('talk') }),
  ...project('throwing', { build: custom('throw') }),
  ...project('leaving', { build: custom('exit') }),
  ...project('flood', { build: custom('flood') }),
  ...project('noop', { build: { executor: 'nx:noop' } }),
  ...project('uncached', {
    build: { executor: 'nx:run-commands', cache: false, options: { command: 'echo plain' } },
  }),
  ...project('several', {
    build: {
      executor: 'nx:run-commands',
      options: { commands: ['echo one', 'echo two'], parallel: false },
    },
  }),
};

describe.each(NX_VERSIONS)('tasks in a host, nx %s', (version) => {
  let workspace: Workspace;
  let server: ArtifactServer;

  beforeEach(async () => {
    workspace = makeWorkspace(version, FILES);
    server = await startArtifactServer();
  });

  afterEach(async () => {
    await server.close();
    workspace.remove();
  });

  const inputOf = (names: string[], more: object = {}): object => ({
    targets: ['build'],
    order: names.map((name) => `${name}:build`),
    remoteCache: { url: server.url, token: 'secret' },
    ...more,
  });
  const runAll = async (names: string[]) =>
    (await workspace.run<HostTasksResult>('host-tasks', inputOf(names))).result;
  /** One host after the other in the same process. */
  const runEach = async (inputs: object[], env: NodeJS.ProcessEnv = {}) =>
    (await workspace.runEach<HostTasksResult>('host-tasks', inputs, env)).map(({ result }) => result);

  it('reports every way a task can end, and prints nothing itself', async () => {
    const names = [
      'good',
      'bad',
      'killed',
      'missing',
      'talk',
      'throwing',
      'leaving',
      'noop',
      'uncached',
      'several',
    ];
    const { result, stdout, stderr } = await workspace.run<HostTasksResult>('host-tasks', inputOf(names));
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    const { runs } = result;
    const brief = Object.fromEntries(
      names.map((name) => {
        const run = runs[`${name}:build`];
        return [name, [run?.status, run?.store.kind, run?.cacheStatus].join(' ')];
      }),
    );
    expect(brief).toEqual({
      good: 'success stored miss',
      bad: 'failure none miss',
      killed: 'failure none miss',
      missing: 'failure none miss',
      talk: 'success stored miss',
      throwing: 'failure none miss',
      leaving: 'failure none miss',
      noop: 'success stored miss',
      uncached: 'success none miss',
      several: 'success stored miss',
    });
    // Nothing is known about the task only if Nx has no executor to run.
    expect(names.filter((name) => runs[`${name}:build`]?.broken !== undefined)).toEqual(['missing']);
    expect(runs['good:build']?.terminalOutput).toMatch(/echo built\r\n\r\nbuilt\n$/);
    expect(runs['good:build']?.live).toBe(runs['good:build']?.terminalOutput);
    expect(runs['bad:build']?.terminalOutput).toContain('oops');
    expect(runs['bad:build']?.code).toBe(version.startsWith('20') ? 1 : 3);
    expect(runs['killed:build']?.terminalOutput).toContain('dying');
    expect(runs['killed:build']?.code).not.toBe(0);
    expect(runs['missing:build']?.terminalOutput).toContain('no-such-package');
    expect(runs['talk:build']?.terminalOutput).toContain('żółw\n');
    for (const line of ['first', 'second', 'żółw']) expect(runs['talk:build']?.live).toContain(line);
    expect(runs['talk:build']?.live).not.toContain('nx run');
    expect(runs['throwing:build']?.terminalOutput).toContain('thrown on purpose');
    expect(runs['leaving:build']?.terminalOutput).toContain('leaving');
    expect(runs['several:build']?.live).toContain('one');
    expect([...server.artifacts.keys()].sort()).toEqual(
      ['good', 'talk', 'noop', 'several'].map((name) => runs[`${name}:build`]?.hash ?? '').sort(),
    );
  });

  it('loses nothing of a large output', async () => {
    const { runs } = await runAll(['flood']);
    expect(runs['flood:build']?.terminalOutput).toHaveLength(2_000_000);
    // When Nx streams a forked executor, it ends a line wherever a chunk ends.
    const letters = (text = ''): number => text.replaceAll('\n', '').length;
    expect(letters(runs['flood:build']?.live)).toBe(letters(runs['flood:build']?.terminalOutput));
  });

  it('stores a failure if NX_CACHE_FAILURES is set, this Nx would replay it and dte allows it', async () => {
    const env = { NX_CACHE_FAILURES: 'true' };
    const [unwanted, wanted] = await runEach(
      [inputOf(['bad'], { storeFailure: false }), inputOf(['bad'])],
      env,
    );
    expect(unwanted?.runs['bad:build']).toMatchObject({ status: 'failure', store: { kind: 'none' } });
    const isReplayed = Number.parseInt(version) >= 23;
    const store = { kind: isReplayed ? 'stored' : 'none' };
    expect(wanted?.runs['bad:build']).toMatchObject({ cacheStatus: 'miss', store });
  });

  it('sends a local hit to the remote, and stores nothing when caches are skipped', async () => {
    const [first, second, again, third] = await runEach([
      inputOf(['good'], { remoteCache: undefined }),
      inputOf(['good']),
      inputOf(['good', 'talk'], { rerun: true }),
      inputOf(['good'], { skipCacheRead: true }),
    ]);
    expect(first?.remoteKind).toBe('none');
    expect(second?.runs['good:build']).toMatchObject({ cacheStatus: 'local-hit', store: { kind: 'stored' } });
    expect(second?.runs['good:build']?.live).toContain('built');
    expect(again?.runs['good:build']?.cacheStatus).toBe('miss');
    expect(again?.runs['talk:build']).toMatchObject({ cacheStatus: 'miss', store: { kind: 'stored' } });
    expect(third?.runs['good:build']).toMatchObject({ cacheStatus: 'miss', store: { kind: 'none' } });
  });

  it('restores a dependency that another machine has stored', async () => {
    const { runs } = await runAll(['good']);
    const hash = runs['good:build']?.hash ?? '';
    const other = workspace.clone();
    const remoteCache = { url: server.url, token: 'secret' };
    const input = { targets: ['build'], order: [], remoteCache };
    const hit = await other.run<HostTasksResult>('host-tasks', {
      ...input,
      restore: [{ id: 'good:build', hash }],
    });
    expect(hit.result.restored).toEqual({ 'good:build': 'remote' });
    expect(readFileSync(join(other.root, 'packages/good/dist/out.txt'), 'utf8')).toBe('data\n');
    const [again, miss] = await other.runEach<HostTasksResult>('host-tasks', [
      { ...input, restore: [{ id: 'good:build', hash }] },
      { ...input, restore: [{ id: 'good:build', hash: '123' }] },
    ]);
    expect(again?.result.restored).toEqual({ 'good:build': 'local' });
    expect(miss?.result.restored).toEqual({ 'good:build': 'miss' });
    other.remove();
    expect(existsSync(other.root)).toBe(false);
  });
});

const ANSWERS = [
  { mode: 401, store: 'failed' },
  { mode: 403, store: 'declined' },
  { mode: 500, store: 'failed' },
  { mode: 'cut', store: 'failed' },
] as const;

describe.each(NX_VERSIONS)('a server with an unexpected answer, nx %s', (version) => {
  let workspace: Workspace;
  const servers: ArtifactServer[] = [];
  const results = new Map<string | number, HostTasksResult>();

  beforeAll(async () => {
    const tasks = ANSWERS.map(({ mode }) => project(`on-${mode}`, { build: `echo ${mode}` }));
    workspace = makeWorkspace(version, Object.assign({}, ...tasks) as Record<string, string>);
    for (const { mode } of ANSWERS) {
      const server = await startArtifactServer();
      server.mode = mode;
      servers.push(server);
    }
    const runs = await workspace.runEach<HostTasksResult>(
      'host-tasks',
      ANSWERS.map(({ mode }, index) => ({
        targets: ['build'],
        order: [`on-${mode}:build`],
        remoteCache: { url: servers[index]?.url, token: 'secret' },
      })),
    );
    for (const [index, { mode }] of ANSWERS.entries()) {
      const run = runs[index];
      if (run) results.set(mode, run.result);
    }
  });

  afterAll(async () => {
    for (const server of servers) await server.close();
    workspace.remove();
  });

  it.each(ANSWERS)(
    'runs the task and reports what happened to the artifact when the server answers $mode',
    ({ mode, store }) => {
      expect(results.get(mode)?.runs[`on-${mode}:build`]).toMatchObject({
        status: 'success',
        store: { kind: store },
      });
    },
  );
});
