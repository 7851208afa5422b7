import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { HostTasksResult } from './scenarios/host-tasks';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** An executor of the workspace's own, run by Nx in a forked process. */
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

  const runAll = async (names: string[], input: object = {}, env: NodeJS.ProcessEnv = {}) =>
    (
      await workspace.run<HostTasksResult>(
        'host-tasks',
        {
          targets: ['build'],
          order: names.map((name) => `${name}:build`),
          remoteCache: { url: server.url, token: 'secret' },
          ...input,
        },
        env,
      )
    ).result;

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
    const { result, stdout, stderr } = await workspace.run<HostTasksResult>('host-tasks', {
      targets: ['build'],
      order: names.map((name) => `${name}:build`),
      remoteCache: { url: server.url, token: 'secret' },
    });
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
    // Only where Nx has no executor to run is nothing known of the task.
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

  it('loses nothing of much output', async () => {
    const { runs } = await runAll(['flood']);
    expect(runs['flood:build']?.terminalOutput).toHaveLength(2_000_000);
    // When Nx streams a forked executor it ends a line wherever a chunk ends.
    const letters = (text = ''): number => text.replaceAll('\n', '').length;
    expect(letters(runs['flood:build']?.live)).toBe(letters(runs['flood:build']?.terminalOutput));
  });

  it('stores a failure when NX_CACHE_FAILURES asks for it, this Nx would replay it and we do not mind', async () => {
    const env = { NX_CACHE_FAILURES: 'true' };
    const unwanted = await runAll(['bad'], { storeFailure: false }, env);
    expect(unwanted.runs['bad:build']).toMatchObject({ status: 'failure', store: { kind: 'none' } });
    const { runs } = await runAll(['bad'], {}, env);
    const isReplayed = Number.parseInt(version) >= 23;
    const store = { kind: isReplayed ? 'stored' : 'none' };
    expect(runs['bad:build']).toMatchObject({ cacheStatus: 'miss', store });
  });

  it('sends a local hit to the remote, and stores nothing when caches are skipped', async () => {
    const first = await runAll(['good'], { remoteCache: undefined });
    expect(first.remoteKind).toBe('none');
    const second = await runAll(['good']);
    expect(second.runs['good:build']).toMatchObject({ cacheStatus: 'local-hit', store: { kind: 'stored' } });
    expect(second.runs['good:build']?.live).toContain('built');
    const again = await runAll(['good', 'talk'], { rerun: true });
    expect(again.runs['good:build']?.cacheStatus).toBe('miss');
    expect(again.runs['talk:build']).toMatchObject({ cacheStatus: 'miss', store: { kind: 'stored' } });
    const third = await runAll(['good'], { skipCacheRead: true });
    expect(third.runs['good:build']).toMatchObject({ cacheStatus: 'miss', store: { kind: 'none' } });
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
    const again = await other.run<HostTasksResult>('host-tasks', {
      ...input,
      restore: [{ id: 'good:build', hash }],
    });
    expect(again.result.restored).toEqual({ 'good:build': 'local' });
    const miss = await other.run<HostTasksResult>('host-tasks', {
      ...input,
      restore: [{ id: 'good:build', hash: '123' }],
    });
    expect(miss.result.restored).toEqual({ 'good:build': 'miss' });
    other.remove();
    expect(existsSync(other.root)).toBe(false);
  });

  it.each([
    [401, 'failed'],
    [403, 'declined'],
    [500, 'failed'],
    ['cut', 'failed'],
  ] as const)(
    'runs the task and says what became of the artifact when the server answers %s',
    async (mode, store) => {
      server.mode = mode;
      const { runs } = await runAll(['good']);
      expect(runs['good:build']).toMatchObject({ status: 'success', store: { kind: store } });
    },
  );
});
