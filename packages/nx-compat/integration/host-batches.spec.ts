import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { HostBatchesResult } from './scenarios/host-batches';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { BATCH_EXECUTORS } from './support/batch-executors';
import { makeWorkspace, project, type ScenarioResult, type Workspace } from './support/workspace';

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
/** Tasks of separate targets, which no other test runs. */
const alone = (name: string, executor: string, needs: string[] = []): Record<string, string> =>
  project(name, {
    [executor]: {
      ...target(name, executor, []),
      dependsOn: needs.map((other) => ({ projects: [other], target: executor })),
    },
  });

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
  ...alone('v', 'some'),
  ...alone('w', 'some', ['v']),
  ...alone('x', 'die'),
  ...alone('y', 'die', ['x']),
  ...alone('z', 'hang'),
  ...alone('frozen', 'freeze'),
};

const name = (executor: string, count: number): string => `./tools/batchy:${executor} ${String(count)}`;
const compileIds = (...projects: string[]): string[] => projects.map((each) => `${each}:compile`);

describe.each(NX_VERSIONS)('batches in a host, nx %s', (version) => {
  const major = Number(version.split('.')[0]);
  let workspace: Workspace;
  let server: ArtifactServer;
  let first: ScenarioResult<HostBatchesResult>;

  const runIn = (where: Workspace, input: object = {}, env: NodeJS.ProcessEnv = {}) =>
    where.run<HostBatchesResult>(
      'host-batches',
      { targets: ['compile'], batch: true, remoteCache: { url: server.url, token: 'secret' }, ...input },
      env,
    );

  beforeAll(async () => {
    workspace = makeWorkspace(version, FILES);
    server = await startArtifactServer();
    const plans = [{}, { batch: false }, { env: { NX_BATCH_MODE: 'true' } }];
    first = await runIn(workspace, { plans });
  });

  afterAll(async () => {
    await server.close();
    workspace.remove();
  });

  it('are those that Nx creates, layer by layer, and run as in Nx, each task with a separate result', () => {
    const { result, stdout, stderr } = first;
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
    // Output of the process that belongs to no task is separate; an executor gets the edges and the whole graph.
    const log = result.logs[name('compile', 1)];
    expect(log).toContain(
      'roots a:compile; edges b:compile>a:compile c:compile>a:compile c:compile>b:compile\n',
    );
    expect(log).toContain('of 9\n');
    expect(result.live[name('compile', 1)]).toContain('of 9\n');
    for (const working of Object.values(result.working)) expect(working).toEqual([true, false]);
  });

  it('exist without --batch only if an executor prefers them, and not at all with --batch=false', () => {
    const [undecided, refused, byVariable] = first.result.planned;
    expect(undecided).toEqual(major >= 22 ? [name('eager', 1)] : []);
    expect(refused).toEqual([]);
    expect(byVariable).toContain(name('compile', 2));
  });

  it('use the cached results of earlier runs', async () => {
    const clone = workspace.clone();
    try {
      // Not hashed beforehand, like those whose hash depends on outputs of others.
      const { result } = await runIn(clone, { hashed: false });
      expect(result.tasks['c:compile']).toMatchObject({
        status: 'remote-cache',
        cacheStatus: 'remote-hit',
        terminalOutput: 'together c:compile\n',
      });
      expect(result.tasks['f:compile']?.status).toBe('failure');
      expect(existsSync(join(clone.root, 'dist/c/out.txt'))).toBe(true);
      // Cache hits need no process.
      expect(result.working[name('stream', 1)]).toEqual([]);
    } finally {
      clone.remove();
    }
  });

  it('whose process crashes end as they do in Nx', async () => {
    const { result } = await runIn(workspace, { targets: ['die'] });
    expect(result.tasks['x:die']).toMatchObject({ status: 'failure', code: 1 });
    // 20 and 21 report the first tasks of the batch.
    if (major <= 21) expect(result.tasks['y:die']).toBeNull();
    else expect(result.tasks['y:die']).toMatchObject({ status: 'failure', code: 1 });
    expect(result.logs[name('die', 1)]).toContain('dying');
    expect(result.working[name('die', 1)]?.at(-1)).toBe(false);
  });

  it('that are stopped report nothing for tasks that their executor has not reported', async () => {
    const { result } = await runIn(workspace, { targets: ['hang'], stopOn: 'hanging' });
    expect(result.stopped).toEqual([name('hang', 1)]);
    expect(result.tasks).toEqual({});
  });

  it('whose process is suspended are detected, and stopped with it', async () => {
    const { result } = await runIn(workspace, { targets: ['freeze'] });
    expect(result.frozen).toEqual([name('freeze', 1)]);
    expect([result.stopped, result.tasks]).toEqual([[name('freeze', 1)], {}]);
    expect(first.result.frozen).toEqual([]);
  });

  it('that are stopped store nothing more, even if their process then succeeds', async () => {
    const env = { NX_CACHE_FAILURES: 'true' };
    const { result } = await runIn(workspace, { targets: ['some'], stopOn: 'hanging' }, env);
    expect(result.stopped).toEqual([name('some', 1)]);
    const ended = Object.entries(result.tasks).map(([id, run]) => [id, run?.status, run?.store.kind]);
    // 20 and 21 get the results of all tasks together, at the end.
    expect(ended).toEqual(major <= 21 ? [] : [['v:some', 'success', 'none']]);
    const unhashed = { targets: ['some'], stopOn: 'hanging', hashed: false };
    const again = await runIn(workspace, unhashed, env);
    expect(again.result.live[name('some', 1)]).toContain('hanging');
    // The hash of a task that Nx would have hashed at the end is unknown.
    if (major >= 22) expect(again.result.tasks['v:some']?.hash).toBe('');
  });
});
