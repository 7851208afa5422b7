import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileTaskHistory } from './file-history';
import type { Evidence } from './history';
import { MemoryTaskHistory } from './memory-history';
import { historyContract } from './test-support/history.contract';

const LIMITS = { flakyMs: 1_000_000, historyEntries: 100 };

historyContract('memory', (limits) =>
  Promise.resolve({ history: new MemoryTaskHistory(limits), cleanUp: () => Promise.resolve() }),
);

historyContract('file', async (limits) => {
  const root = await mkdtemp(join(tmpdir(), 'dte-history-'));
  const history = new FileTaskHistory(join(root, 'history'), { limits });
  return { history, cleanUp: () => rm(root, { recursive: true }) };
});

describe('the history in files', () => {
  let root: string;
  const damages: string[] = [];
  const open = (): FileTaskHistory =>
    new FileTaskHistory(root, { limits: LIMITS, onDamage: (message) => damages.push(message) });
  const at = (atMs: number, status: Evidence['status'], hash = '1'): Evidence => ({
    taskId: 'app:e2e',
    hash,
    status,
    atMs,
  });
  const path = (): string => join(root, '42.ndjson');

  beforeEach(async () => {
    damages.length = 0;
    root = await mkdtemp(join(tmpdir(), 'dte-history-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('survives its process, also with an incomplete last line', async () => {
    await open().note('42', [at(1, 'failure')]);
    await writeFile(path(), '{"taskId":"app:e2e","ha', { flag: 'a' });
    const again = open();
    await again.note('42', [at(2, 'success')]);

    expect(await open().flaky('42', 3)).toMatchObject([{ taskId: 'app:e2e' }]);
    expect(damages).toContain(`1 lines of ${path()} are damaged and were skipped.`);
  });

  it('is shared by coordinators that use one folder at the same time', async () => {
    const [one, other] = [open(), open()];
    await one.note('42', [at(1, 'failure')]);
    expect(await other.flaky('42', 2)).toEqual([]);
    await other.note('42', [at(2, 'success')]);

    expect(await one.flaky('42', 3)).toHaveLength(1);
  });

  it('stays short however often tasks fail, and keeps the evidence of flakiness', async () => {
    const history = open();
    await history.note('42', [at(1, 'failure', 'flaky'), at(2, 'success', 'flaky')]);
    for (let round = 0; round < 60; round++) {
      const failures = Array.from({ length: 40 }, (_, index) => at(3 + round, 'failure', `h${index}`));
      await history.note('42', failures);
    }

    const lines = (await readFile(path(), 'utf8')).trimEnd().split('\n');
    expect(lines.length).toBeLessThan(1_200);
    expect(await open().flaky('42', 100)).toMatchObject([{ hash: 'flaky' }]);
    expect(await readdir(root)).toEqual(['42.ndjson']);
  });

  it('starts again in place of a file that it cannot have written', async () => {
    await writeFile(path(), 'x'.repeat(1_000_000));
    await open().note('42', [at(1, 'failure')]);
    expect(damages).toEqual([expect.stringContaining('a new file is started')]);
    expect((await readFile(path(), 'utf8')).length).toBeLessThan(200);
  });
});
