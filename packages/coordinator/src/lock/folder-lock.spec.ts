import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@org/dte-testing';
import type { DteError } from '@org/dte-protocol';
import { FolderLock } from './folder-lock';
import { type Holder, lockText } from './lock-file';
import { ownMark } from './process-mark';

describe('FolderLock', () => {
  let folder: string;
  let taken: FolderLock[];
  let lost: DteError[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-folder-'));
    taken = [];
    lost = [];
  });
  afterEach(async () => {
    for (const lock of taken) await lock.release();
    rmSync(folder, { recursive: true });
  });

  const take = async (dataFolderStaleMs = 400, dataFolderWaitMs = 0): Promise<FolderLock> => {
    const lock = await FolderLock.take({
      folder,
      limits: { dataFolderStaleMs, dataFolderWaitMs },
      onLost: (error) => lost.push(error),
    });
    taken.push(lock);
    return lock;
  };
  const path = (number: number): string => join(folder, `coordinator.lock.${number}`);
  const files = (): string[] => readdirSync(folder).sort();
  const write = (holder: Partial<Holder>, number = 1): void =>
    writeFileSync(path(number), lockText({ ...ownMark(), sinceMs: 0, released: false, ...holder }));
  const foreign = { host: 'other-host', machine: 'other boot', pid: 42 };

  it('has one holder, which is named with process, host and time', async () => {
    await take();
    const refused = take().catch((error: unknown) => error);
    expect(await refused).toMatchObject({ code: 'DTE_DATA_FOLDER_IN_USE' });
    const { pid, host } = ownMark();
    expect(String(await refused)).toContain(`process ${pid} on ${host}, since ${new Date().getFullYear()}-`);
  });

  it('is free immediately after release, and keeps counting', async () => {
    await (await take()).release();
    await take(60_000);
    expect(files()).toEqual(['coordinator.lock.2']);
  });

  it('is waited for if its holder is about to exit', async () => {
    const first = await take();
    const second = take(400, 20_000);
    await first.release();
    await expect(second).resolves.toBeInstanceOf(FolderLock);
  });

  it.each([
    ['has ended', () => ({ pid: spawnSync(process.execPath, ['-e', '']).pid })],
    ['had a number that another one has now', () => ({ startedAt: '1' })],
  ])('of a process of this machine that %s is taken over at once', async (_, holder) => {
    if (process.platform !== 'linux') return;
    write(holder());
    await take(60_000);
    expect(files()).toEqual(['coordinator.lock.2']);
  });

  it('of another container without renewals for long is taken over immediately', async () => {
    write(foreign);
    utimesSync(path(1), 1, 1);
    await take(60_000);
  });

  it.each([
    ['young', 0],
    ['dated in the future', 3_600_000],
  ])('of another container that is %s is taken over when it is not renewed', async (_, aheadMs) => {
    write(foreign);
    const date = new Date(Date.now() + aheadMs);
    utimesSync(path(1), date, date);
    const startedMs = performance.now();
    await take(300);
    expect(performance.now() - startedMs).toBeGreaterThan(200);
  });

  it('of another container with renewals is left alone, also without waiting', async () => {
    write(foreign);
    const elsewhere = setInterval(() => write(foreign), 20);
    try {
      await expect(take(10_000)).rejects.toMatchObject({
        message: `The data folder ${folder} is used by the coordinator that is process 42 on other-host, since 1970-01-01T00:00:00.000Z.`,
      });
    } finally {
      clearInterval(elsewhere);
    }
  });

  it('of a process that crashed while writing it is taken over', async () => {
    writeFileSync(path(1), '');
    await take(300);
  });

  it('is renewed', async () => {
    await take(100);
    utimesSync(path(1), 1, 1);
    await waitFor('a renewal', () => isYoung(path(1)));
  });

  it.each([
    ['has been taken over', 2],
    ['was emptied and has been taken', 1],
  ])('tells its holder once when the folder %s meanwhile', async (_, number) => {
    await (await take()).release();
    await take(60);
    if (number === 1) rmSync(path(2));
    write(foreign, number === 1 ? 1 : 3);
    await waitFor('the news', () => lost.length > 0);
    await taken.pop()?.release();
    expect(lost.map(({ message }) => message)).toEqual([expect.stringContaining('process 42 on other-host')]);
  });

  it('when released, is taken by one of two that try at the same time', async () => {
    write({ released: true }, 5);
    const [slow, quick] = [take(60_000, 100), take(60_000, 100)];
    const outcomes = await Promise.allSettled([slow, quick]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(files()).toEqual(['coordinator.lock.6']);
  });
});

const isYoung = (path: string): boolean => Date.now() - statSync(path).mtimeMs < 60_000;
