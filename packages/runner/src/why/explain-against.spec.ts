import type { SessionModel } from '@org/dte-report';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { task } from '../test-support/tasks';
import { addToBook, sessionBookOf } from './book-file';
import { explainAgainst } from './explain-against';
import { InputBook } from './input-book';
import { InputRecorder } from './record-inputs';

describe('the comparison with another report', () => {
  let folder: string;
  let dataDir: string;
  let earlier: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dte-against-'));
    dataDir = join(folder, 'data');
    earlier = join(folder, 'earlier', '.nx', 'dte', 'report');
    await ran(join(earlier, '42-1.inputs.br'), 'then', '1');
    writeFileSync(join(earlier, '42-1.jsonl'), '');
    await ran(sessionBookOf(dataDir, '42-2'), 'now', '2');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** One command, which ran `app:build`. */
  function ran(path: string, runId: string, stage: string): Promise<void> {
    const book = new InputBook();
    const recorder = new InputRecorder(book);
    const hashDetails = { command: 'c', nodes: { 'env:STAGE': stage } };
    recorder.add(task('app:build', { hash: stage, hashDetails }));
    recorder.finish({ runId, atMs: Number(stage), tree: null, packages: {} }, () => 'success');
    return addToBook(path, book);
  }

  const app: SessionModel['runs'][number]['tasks'][number] = {
    id: 'app:build',
    project: 'app',
    target: 'build',
    configuration: null,
    dependencies: [],
    hash: null,
    cacheable: true,
    status: 'success',
    code: 0,
    from: null,
    origin: null,
    miss: null,
    expectedMs: null,
    flaky: false,
    attempts: [],
    doneMs: null,
    output: null,
    reason: null,
  };

  async function against(path: string, runId = 'now'): Promise<string | undefined> {
    const run = { runId, command: 'nx build', parallel: 1, startMs: 1, endMs: 2, ok: true, tasks: [app] };
    const misses = await explainAgainst({
      dataDir,
      workspaceRoot: folder,
      limits: { gitCommandMs: 10_000 },
      sessionId: '42-2',
      run,
      against: path,
      rootOf: () => undefined,
    });
    return misses.get('app:build')?.text;
  }

  it.each([
    ['its file of events', '.nx/dte/report/42-1.jsonl'],
    ['its file of inputs', '.nx/dte/report/42-1.inputs.br'],
    ['its folder', '.nx/dte/report'],
    ['the artifacts of its job', '.'],
  ])('takes %s', async (_, path) => {
    expect(await against(join(folder, 'earlier', path))).toBe('environment variable STAGE differs');
  });

  it('does not compare a command with itself', async () => {
    const copy = join(folder, 'copy', '42-2.inputs.br');
    cpSync(sessionBookOf(dataDir, '42-2'), copy);
    expect(await against(copy)).toBe('first run that is known');
    await ran(copy, 'then', '3');
    expect(await against(copy)).toBe('environment variable STAGE differs');
  });

  it('says that the other command ran with the same inputs', async () => {
    const same = join(folder, 'same.inputs.br');
    await ran(same, 'then', '2');
    expect(await against(same)).toMatch(/^it ran with the same inputs before/);
  });

  it.each<[string, string, () => void, RegExp]>([
    ['nothing', '42-9.jsonl', () => undefined, /There is no .*42-9.jsonl. Give the folder .*report/],
    [
      'only the events',
      '42-1.jsonl',
      () => rmSync(join(earlier, '42-1.inputs.br')),
      /42-1.inputs.br is missing next to it/,
    ],
    ['an empty folder', 'empty', () => mkdirSync(join(earlier, 'empty')), /no file \*.inputs.br in/],
    [
      'two sessions',
      '.',
      () => cpSync(join(earlier, '42-1.inputs.br'), join(earlier, '42-0.inputs.br')),
      /the inputs of 2 sessions. Give the file of one: 42-0.inputs.br, 42-1.inputs.br/,
    ],
    [
      'another file',
      '42-1.inputs.br',
      () => writeFileSync(join(earlier, '42-1.inputs.br'), '{}'),
      /42-1.inputs.br is damaged, or it is not a file with the inputs/,
    ],
  ])('says what is missing if there is %s', async (_, path, change, message) => {
    change();
    await expect(against(join(earlier, path))).rejects.toMatchObject({
      code: 'DTE_NO_REPORT',
      message: expect.stringMatching(message) as string,
    });
  });

  it('says that this job has not recorded the inputs, or that they are damaged', async () => {
    const error = (text: string) => ({
      code: 'DTE_NO_REPORT',
      message: expect.stringContaining(text) as string,
    });
    await expect(against(earlier, 'other')).rejects.toMatchObject(error('were not recorded'));
    const own = sessionBookOf(dataDir, '42-2');
    writeFileSync(own, 'damaged');
    await expect(against(earlier)).rejects.toMatchObject(error('42-2.inputs.br is damaged'));
    rmSync(dirname(own), { recursive: true });
    await expect(against(earlier)).rejects.toMatchObject(error('were not recorded'));
  });
});
