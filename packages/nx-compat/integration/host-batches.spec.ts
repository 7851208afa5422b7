import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { HostBatchesResult } from './scenarios/host-batches';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { BATCH_EXECUTORS } from './support/batch-executors';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const target = (name: string, executor: string, needs: string[], options: object = {}): object => ({
  executor: `./tools/batchy:${executor}`,
  outputs: ['{options.out}'],
  dependsOn: needs.map((other) => ({ projects: [other], target: 'compile' })),
  options: { out: `dist/${name}`, ...options },
});
const compiled = (
  name: string,
  executor: string,
  needs: string[],
  options?: object,
): Record<string, string> => project(name, { compile: target(name, executor, needs, options) });

const FILES = {
  ...BATCH_EXECUTORS,
  ...compiled('a', 'compile', []),
  ...compiled('b', 'compile', ['a']),
  ...compiled('c', 'compile', ['a', 'b']),
  ...compiled('e', 'eager', ['c']),
  ...compiled('f', 'compile', ['e'], { fail: true }),
  ...compiled('g', 'compile', ['f']),
  ...compiled('s', 'stream', []),
  ...compiled('t', 'stream', ['s']),
  ...project('plain', { compile: 'echo plain' }),
};

const name = (executor: string, count: number): string => `./tools/batchy:${executor} ${String(count)}`;
const compileIds = (...projects: string[]): string[] => projects.map((each) => `${each}:compile`);

describe.each(NX_VERSIONS)('batches in a host, nx %s', (version) => {
  const major = Number(version.split('.')[0]);
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

  const runAll = (input: object = {}) =>
    workspace.run<HostBatchesResult>('host-batches', {
      targets: ['compile'],
      batch: true,
      remoteCache: { url: server.url, token: 'secret' },
      ...input,
    });

  it('are those that Nx makes, layer by layer, and run as Nx runs them, each task with a result of its own', async () => {
    const { result, stdout, stderr } = await runAll();
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    expect(result.batches).toEqual({
      [name('compile', 1)]: compileIds('a', 'b', 'c'),
      [name('stream', 1)]: compileIds('s', 't'),
      [name('eager', 1)]: compileIds('e'),
      [name('compile', 2)]: compileIds('f', 'g'),
    });
    const brief = Object.fromEntries(
      Object.entries(result.tasks).map(([id, run]) => [
        id,
        run && [run.status, run.code, run.store.kind, run.terminalOutput.trim()].join(' '),
      ]),
    );
    expect(brief).toEqual({
      'a:compile': 'success 0 stored together a:compile',
      'b:compile': 'success 0 stored together b:compile',
      'c:compile': 'success 0 stored together c:compile',
      'e:compile': 'success 0 stored together e:compile',
      'f:compile': 'failure 1 none together f:compile',
      'g:compile': 'success 0 stored together g:compile',
      's:compile': 'success 0 stored streamed s:compile',
      't:compile': 'success 0 stored streamed t:compile',
    });
    expect(readFileSync(join(workspace.root, 'dist/c/out.txt'), 'utf8')).toBe('c:compile together\n');
    // What its process prints by itself is kept apart; an executor is shown the edges and the whole graph.
    const log = result.logs[name('compile', 1)];
    expect(log).toContain(
      'roots a:compile; edges b:compile>a:compile c:compile>a:compile c:compile>b:compile\n',
    );
    expect(log).toContain('of 9\n');
    expect(result.live[name('compile', 1)]).toContain('of 9\n');
  });

  it('find in a cache what has been made before', async () => {
    await runAll();
    const clone = workspace.clone();
    try {
      // Not hashed beforehand, as those whose hash depends on what others make.
      const { result } = await clone.run<HostBatchesResult>('host-batches', {
        ...{ targets: ['compile'], batch: true, hashed: false },
        remoteCache: { url: server.url, token: 'secret' },
      });
      expect(result.tasks['c:compile']).toMatchObject({
        status: 'remote-cache',
        cacheStatus: 'remote-hit',
        terminalOutput: 'together c:compile\n',
      });
      expect(result.tasks['f:compile']?.status).toBe('failure');
      expect(existsSync(join(clone.root, 'dist/c/out.txt'))).toBe(true);
    } finally {
      clone.remove();
    }
  });

  it('exist without --batch only where an executor asks for them, and with --batch=false not at all', async () => {
    const plans = [{}, { batch: false }, { env: { NX_BATCH_MODE: 'true' } }];
    const [undecided, refused, byVariable] = (await runAll({ plans })).result.planned;
    expect(undecided).toEqual(major >= 22 ? [name('eager', 1)] : []);
    expect(refused).toEqual([]);
    expect(byVariable).toContain(name('compile', 2));
  });

  it('whose process dies end as they do in Nx', async () => {
    workspace.write({ ...compiled('x', 'die', []), ...compiled('y', 'die', ['x']) });
    const { result } = await runAll();
    expect(result.tasks['x:compile']).toMatchObject({ status: 'failure', code: 1 });
    // 20 and 21 blame the first tasks of the batch.
    if (major <= 21) expect(result.tasks['y:compile']).toBeNull();
    else expect(result.tasks['y:compile']).toMatchObject({ status: 'failure', code: 1 });
    expect(result.logs[name('die', 1)]).toContain('dying');
  });

  it('can be stopped', async () => {
    workspace.write(compiled('h', 'hang', []));
    const { result } = await runAll({ stopOn: 'hanging' });
    expect(result.stopped).toEqual([name('hang', 1)]);
  });
});
