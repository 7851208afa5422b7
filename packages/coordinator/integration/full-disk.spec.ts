import { execFileSync } from 'node:child_process';
import { mkdtempSync, promises, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, waitFor } from '@org/dte-testing';
import type { FileSystem } from '../src/files/file-system';
import { agentSync, completed, containing, Harness, success } from './support/harness';
import { storedFiles } from './support/stored-files';
import { fullDisk } from './support/full-disk';

describe('a full disk', () => {
  let harness: Harness;
  let mounted: string | null = null;

  afterEach(async () => {
    await harness.cleanUp();
    if (mounted !== null) {
      execFileSync('umount', [mounted]);
      rmSync(mounted, { recursive: true });
    }
    mounted = null;
  });

  /** A real file system of 1 MB if this process may create one (root on Linux), else null. */
  function tinyDisk(): string | null {
    const folder = mkdtempSync(join(tmpdir(), 'dte-tiny-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
      return (mounted = folder);
    } catch {
      rmSync(folder, { recursive: true });
      return null;
    }
  }

  it('fails the upload that fills it (a real disk), and the session continues', async () => {
    const folder = tinyDisk();
    if (folder === null) {
      harness = await Harness.start();
      return;
    }
    harness = await Harness.start({ dataDir: join(folder, 'data') });
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    const answer = await httpCall(harness.url, {
      method: 'PUT',
      path: HTTP.cache('big'),
      token: main.token,
      body: Buffer.alloc(2_000_000),
    });
    expect(answer).toMatchObject({ status: 507, code: 'DTE_DISK_FULL' });
    expect(answer.text).toContain(folder);
    expect(storedFiles(harness)).toEqual([]);
    expect(await harness.putCache(agent, 'hash-app-build', 'small')).toBe(200);
    agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    await main.next('run.update', ({ state }) => state === 'finished');
  });

  it.each([20_000, 600_000])(
    'costs an upload of %i bytes and leaves nothing of it (an injected disk)',
    async (bytes) => {
      const disk = fullDisk(promises);
      harness = await Harness.start({ fs: disk.fs });
      const main = await harness.main();
      disk.fill();
      expect(await harness.putCache(main, '123', Buffer.alloc(bytes))).toBe(507);
      expect(storedFiles(harness)).toEqual([]);
      disk.free();
      expect(await harness.putCache(main, '123', Buffer.alloc(bytes))).toBe(200);
    },
  );

  it('under the journal pauses the session until there is space again', async () => {
    const disk = fullDisk(promises);
    harness = await Harness.start({ fs: disk.fs });
    const main = await harness.main();
    await main.next('session.info');
    disk.fill();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await waitFor('a refused write', () => disk.refused() > 0);
    expect(main.all('session.info').flatMap(({ agents }) => agents)).toEqual([]);
    disk.free();
    await main.next('session.info', ({ agents }) => agents.length === 1);
  });

  it('under the journal for too long ends the session with its code', async () => {
    const disk = fullDisk(promises);
    harness = await Harness.start({ fs: disk.fs, limits: { journalRetryMs: 100 } });
    const main = await harness.main();
    await main.next('session.info');
    disk.fill();
    await harness.agent('agent 1');
    expect(await main.next('error')).toMatchObject({ reason: { code: 'DTE_DISK_FULL' } });
    await main.whenClosed();
  });

  it('under the journal for too long rejects its clients, and restores the session when there is space again', async () => {
    const disk = fullDisk(promises);
    harness = await Harness.start({ fs: disk.fs, limits: { journalRetryMs: 100 } });
    const main = await harness.main();
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    disk.fill();
    await harness.agent('agent 1');
    await main.whenClosed();
    const rejected = await harness.main();
    expect(await rejected.next('error')).toMatchObject({ reason: { code: 'DTE_DISK_FULL' } });
    disk.free();
    const again = await harness.main();
    await again.next('session.info', ({ state }) => state === 'open');
    again.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
    await again.next('run.update', ({ runId }) => runId === 'r1');
  });

  it('refuses a run that cannot be kept', async () => {
    const disk = fullDisk(promises);
    harness = await Harness.start({ fs: disk.fs });
    const main = await harness.main();
    await main.next('session.info');
    disk.fill();
    const body = JSON.stringify(runSpec('r1', [taskSpec('app:build')]));
    const answer = await httpCall(harness.url, { method: 'POST', path: HTTP.runs, token: main.token, body });
    expect(answer).toMatchObject({ status: 507, code: 'DTE_DISK_FULL' });
  });
});

describe('a coordinator without free file descriptors', () => {
  it('tells clients to retry and names the limit to raise', async () => {
    let isOut = false;
    const writeFile: FileSystem['writeFile'] = async (...args) => {
      if (isOut) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      return promises.writeFile(...args);
    };
    const harness = await Harness.start({ fs: { ...promises, writeFile } });
    try {
      const { token } = await harness.main();
      const put = () =>
        httpCall(harness.url, { method: 'PUT', path: HTTP.cache('123'), token, body: 'content' });
      isOut = true;
      expect(await put()).toMatchObject({
        status: 503,
        code: 'DTE_COORDINATOR_LOST',
        text: containing('ulimit -n'),
      });
      isOut = false;
      expect(await put()).toMatchObject({ status: 200 });
    } finally {
      await harness.cleanUp();
    }
  });
});
