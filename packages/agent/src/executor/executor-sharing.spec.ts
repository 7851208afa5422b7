import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClosureEntry, type RunSpec } from '@org/dte-protocol';
import { assignment, plainOutputs, runOfTasks, tempFolders, waitFor } from '@org/dte-testing';
import { OutputSharing, SharedOutputs } from '../shared-outputs';
import { ExecutorBench, ended } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

describe('a task that shares outputs with another task', () => {
  const spec = { ...runOfTasks(['app:build', 'lib:build']) };
  const [app, lib] = spec.tasks.map(({ id, nxTask }) => ({
    id,
    outputs: ['dist'],
    dependencies: [],
    nxTask,
  }));
  const overlapping: RunSpec = {
    ...spec,
    tasks: spec.tasks.map((task) => ({
      ...task,
      cacheable: false,
      nxTask: { ...task.nxTask, outputs: ['dist'] },
    })),
  };
  /** The ledger of another process that restores the outputs of lib:build in the same workspace. */
  const restoring = (sharedFolder: string, work: () => Promise<void>): Promise<unknown> =>
    new SharedOutputs({
      workspaceRoot: bench.workspace,
      port: plainOutputs(bench.workspace),
      sharing: new OutputSharing([app!, lib!]),
      folder: sharedFolder,
      waitMs: 60_000,
    }).restoring(lib!, work);
  /** Resolves when something has happened that must not happen, or after it has not happened for a while. */
  const unlessSoon = (happened: () => boolean): Promise<unknown> =>
    waitFor('what must not happen', happened, { deadlineMs: 200 }).catch(() => undefined);
  const replace = async (): Promise<void> => {
    rmSync(join(bench.workspace, 'dist'), { recursive: true, force: true });
    mkdirSync(join(bench.workspace, 'dist'));
    writeFileSync(join(bench.workspace, 'dist/lib.js'), 'lib');
  };

  it.each([
    ['of whoever shares the disk with this agent', 'shared'],
    ['of another executor', undefined],
  ])('waits for a running restore, %s', async (_, name) => {
    const sharedFolder = name === undefined ? undefined : join(bench.workspace, name);
    bench.host.run = async () => {
      writeFileSync(join(bench.workspace, 'dist/app.js'), 'app');
      return ended({ store: { kind: 'none' } });
    };
    mkdirSync(join(bench.workspace, 'dist'));
    let begun = (): void => undefined;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    let goOn = (): void => undefined;
    const restored = restoring(sharedFolder ?? join(bench.workspace, `shared-${spec.runId}`), async () => {
      begun();
      await new Promise<void>((resolve) => (goOn = resolve));
      await replace();
    });
    await isBegun;
    bench.send(sharedFolder === undefined ? {} : { sharedFolder }, overlapping);
    await unlessSoon(() => existsSync(join(bench.workspace, 'dist/app.js')));
    goOn();
    await restored;
    expect(await bench.result()).toMatchObject({ kind: 'finished', status: 'success' });
    expect(readdirSync(join(bench.workspace, 'dist')).sort()).toEqual(['app.js', 'lib.js']);
  });

  it('blocks restores until its archive is stored, which has all of its files', async () => {
    mkdirSync(join(bench.workspace, 'dist'));
    let restored: Promise<unknown> = Promise.resolve();
    let isStored = false;
    const seen: boolean[] = [];
    const { handler } = bench.server;
    bench.server.handler = (request, response) => {
      void unlessSoon(() => seen.length > 0).then(() => {
        isStored = true;
        handler?.(request, response);
      });
    };
    bench.host.run = async () => {
      writeFileSync(join(bench.workspace, 'dist/app.js'), 'app');
      restored = restoring(join(bench.workspace, `shared-${spec.runId}`), async () => {
        seen.push(isStored);
        await replace();
      });
      return ended({ store: { kind: 'none' } });
    };
    bench.send({}, overlapping);
    expect(await bench.result()).toMatchObject({ kind: 'finished', artifact: { kind: 'attempt' } });
    await restored;
    expect(seen).toEqual([true]);
    expect(readdirSync(join(bench.workspace, 'dist')).sort()).toEqual(['app.js', 'lib.js']);
  });

  it('keeps what an earlier run has left of a dependency where another dependency is restored', async () => {
    const ids = ['app:build', 'lib:build', 'types:build'];
    const tasks = runOfTasks(ids).tasks.map((task) =>
      task.id === 'app:build' ? task : { ...task, nxTask: { ...task.nxTask, outputs: ['dist'] } },
    );
    const files: Record<string, string> = { 'lib:build': 'lib.js', 'types:build': 'types.d.ts' };
    bench.host.restore = async ({ id }) => {
      rmSync(join(bench.workspace, 'dist'), { recursive: true, force: true });
      mkdirSync(join(bench.workspace, 'dist'));
      writeFileSync(join(bench.workspace, 'dist', files[id] ?? ''), id);
      return { kind: 'remote', entry: { code: 0, terminalOutput: '', outputsPath: '' } };
    };
    const entry = (taskId: string): ClosureEntry => ({
      taskId,
      hash: '5',
      artifact: { kind: 'cache', hash: '5' },
    });
    const closure = [entry('lib:build'), entry('types:build')];
    mkdirSync(join(bench.workspace, 'dist'));
    writeFileSync(join(bench.workspace, 'dist/lib.js'), 'lib:build');
    let read: string[] = [];
    bench.host.run = async () => {
      read = readdirSync(join(bench.workspace, 'dist')).sort();
      return ended();
    };

    bench.send(
      {
        assignment: assignment('app:build', { hash: 'hash-app-build', closure }),
        restore: [entry('types:build')],
      },
      { ...runOfTasks(ids), tasks },
    );

    expect(await bench.result()).toMatchObject({ kind: 'finished', status: 'success' });
    expect(read).toEqual(['lib.js', 'types.d.ts']);
    const reported = bench.said.flatMap((message) => (message.type === 'restored' ? [message.taskId] : []));
    expect(reported).toEqual(['types:build']);
  });
});
