import { LIMITS } from '@org/dte-protocol';
import { rendezvousContract } from '@org/dte-testing';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileRendezvous } from './file-rendezvous';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'dte-rendezvous-'));

rendezvousContract('file', () => {
  const dir = temporary();
  let now = 1_000;
  return Promise.resolve({
    publisher: new FileRendezvous(join(dir, 'not', 'there', 'yet'), () => now),
    seeker: new FileRendezvous(join(dir, 'not', 'there', 'yet'), () => now),
    advance: (ms) => void (now += ms),
    nowMs: () => now,
    cleanUp: () => rm(dir, { recursive: true }),
  });
});

describe('FileRendezvous', () => {
  let dir: string;
  beforeEach(() => (dir = temporary()));
  afterEach(() => rmSync(dir, { recursive: true }));

  it.each(['{', '{}', '{"version":1,"sessionId":"a","url":"ftp://x","generation":"g","expiresAtMs":1}'])(
    'rejects a file that is not a record: %s',
    async (text) => {
      writeFileSync(join(dir, 'a.json'), text);
      await expect(new FileRendezvous(dir).find('a')).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
    },
  );

  it.each(['../a', 'a/b', '.hidden', ''])(
    'rejects a session id that could leave the folder: %j',
    async (id) => {
      await expect(new FileRendezvous(dir).find(id)).rejects.toMatchObject({ code: 'DTE_INVALID_ID' });
    },
  );

  it('removes records, and the reports of their agents, that expired long ago', async () => {
    let now = 1_000;
    const rendezvous = new FileRendezvous(dir, () => now);
    const record = { version: 1, sessionId: 'a', url: 'http://h:1', generation: 'g' } as const;
    await rendezvous.publish({ ...record, expiresAtMs: 2_000 });
    await rendezvous.report('a', 'g', { version: 1, name: 'n', jobUrl: null, message: 'm', atMs: 1 });
    await rendezvous.publish({ ...record, sessionId: 'b', expiresAtMs: 3_000 });
    expect(readdirSync(dir).sort()).toEqual(['a.json', 'a.reports', 'b.json']);
    now = 2_000 + LIMITS.rendezvousKeepMs.value;
    await rendezvous.tidy();
    expect(readdirSync(dir)).toEqual(['b.json']);
  });

  it('skips a file that is not a report', async () => {
    const rendezvous = new FileRendezvous(dir);
    const report = { version: 1, name: 'n', jobUrl: null, message: 'm', atMs: 1 } as const;
    await rendezvous.report('a', 'g', report);
    const [folder = ''] = readdirSync(join(dir, 'a.reports'));
    writeFileSync(join(dir, 'a.reports', folder, 'half.json'), '{"version":1');
    expect(await rendezvous.reports('a', 'g')).toEqual([report]);
  });

  it('names the option when the folder cannot be written, and leaves nothing behind', async () => {
    writeFileSync(join(dir, 'file'), '');
    const rendezvous = new FileRendezvous(join(dir, 'file'));
    const record = {
      version: 1,
      sessionId: 'a',
      url: 'http://h:1',
      generation: 'g',
      expiresAtMs: 1,
    } as const;
    await expect(rendezvous.publish(record)).rejects.toThrow(/rendezvousDir/);
    expect(readdirSync(dir)).toEqual(['file']);
  });
});
