import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { packAttempt } from '@org/dte-client';
import { type ClosureEntry } from '@org/dte-protocol';
import {
  assignment,
  plainOutputs,
  runOfTasks,
  sendArtifact,
  tempFolders,
  testLimits,
} from '@org/dte-testing';
import * as tar from 'tar-stream';
import { ExecutorBench, ended, NOTHING, uncached } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

const emptyArchive = (): Readable =>
  packAttempt({
    workspaceRoot: bench.workspace,
    outputs: [],
    port: plainOutputs(bench.workspace),
    limits: testLimits({}),
    terminalOutput: '',
    meta: { taskId: 'lib:build', hash: '5', code: 0, status: 'success' },
  });

/** The archive that Nx packs for a task without outputs: its terminal output and its exit code. */
function emptyNxArchive(): Promise<Buffer> {
  const archive = tar.pack();
  archive.entry({ name: 'terminalOutput' }, '');
  archive.entry({ name: 'code' }, Buffer.alloc(4));
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

describe('a dependency', () => {
  const cached: ClosureEntry = { taskId: 'lib:build', hash: '5', artifact: { kind: 'cache', hash: '5' } };

  it('is restored by its hash before the task runs', async () => {
    bench.send({ restore: [cached] });
    await bench.result();
    expect(bench.host.restored).toEqual(['lib:build 5']);
    expect(bench.said.map(({ type }) => type)).toEqual(['ready', 'restored', 'executing', 'result']);
    expect(bench.said[1]).toMatchObject({ taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  });

  it('that cannot be fetched fails the attempt', async () => {
    bench.host.fetched = { kind: 'miss' };
    bench.send({ restore: [cached] });
    expect(await bench.result()).toMatchObject({
      kind: 'returned',
      reason: { code: 'DTE_ARTIFACT_MISSING' },
    });
    expect(bench.said[1]).toMatchObject({ type: 'restored', ok: false });
  });

  it.each([
    ['a cache', { kind: 'cache', hash: '5' }],
    ['an attempt', { kind: 'attempt', attempt: 1 }],
  ] as const)('that does not arrive unchanged from %s fails the attempt', async (_, from) => {
    const other = { ...NOTHING, digest: 'a'.repeat(64) };
    bench.host.fetched = {
      kind: 'remote',
      entry: { code: 0, terminalOutput: '', outputsPath: '' },
      outputs: NOTHING,
    };
    // The stored archive in either format: it has no outputs.
    const archive = from.kind === 'cache' ? await emptyNxArchive() : await buffer(emptyArchive());
    bench.server.handler = (request, response) => void sendArtifact(response, archive);
    bench.send(
      { restore: [{ ...cached, artifact: { ...from, outputs: other } }] },
      runOfTasks(['app:build', 'lib:build']),
    );
    expect(await bench.result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_OUTPUTS_DIFFER' } });
    expect(bench.said[1]).toMatchObject({ type: 'restored', ok: false });
  });

  it('that a cache has as a failure fails the attempt', async () => {
    bench.host.fetched = { kind: 'remote', entry: { code: 1, terminalOutput: '', outputsPath: '' } };
    bench.send({ restore: [cached] });
    expect(await bench.result()).toMatchObject({
      kind: 'returned',
      reason: { code: 'DTE_ARTIFACT_MISSING' },
    });
  });

  it('is extracted from the archive of its attempt', async () => {
    mkdirSync(join(bench.workspace, 'dist/lib'), { recursive: true });
    writeFileSync(join(bench.workspace, 'dist/lib/main.js'), 'from the archive');
    bench.host.run = async () => ended({ store: { kind: 'none' } });
    const spec = uncached();
    bench.send(
      { assignment: assignment('lib:build', { hash: null }) },
      { ...spec, tasks: runOfTasks(['lib:build']).tasks.map((task) => ({ ...task, cacheable: false })) },
    );
    await bench.result();
    bench.said.length = 0;
    bench.host.run = async () => ended();
    writeFileSync(join(bench.workspace, 'dist/lib/main.js'), 'stale');
    writeFileSync(join(bench.workspace, 'dist/lib/extra.js'), 'stale');
    const artifact = { kind: 'attempt', attempt: 1 } as const;
    bench.send(
      {
        assignment: assignment('app:build', { runId: 'run-2', hash: 'hash-app-build' }),
        restore: [{ ...cached, artifact }],
      },
      runOfTasks(['app:build', 'lib:build'], { runId: 'run-1' }),
    );
    expect(await bench.result()).toMatchObject({ kind: 'finished' });
    expect(readFileSync(join(bench.workspace, 'dist/lib/main.js'), 'utf8')).toBe('from the archive');
    expect(existsSync(join(bench.workspace, 'dist/lib/extra.js'))).toBe(false);
  });

  it.each([
    [true, []],
    [false, ['lib:build 5']],
  ])('that another executor restores is awaited; restored there: %s', async (ok, restoredHere) => {
    bench.send({ awaiting: [cached] });
    bench.executor.receive({ type: 'elsewhere', taskId: 'lib:build', ok });
    await bench.result();
    expect(bench.host.restored).toEqual(restoredHere);
  });
});
