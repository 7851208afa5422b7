import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock } from './lock';

describe('tryLock', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'dte-lock-'));
    path = join(dir, 'below', 'session.lock');
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

  it('is taken once, names its owner, and is free again when released', () => {
    const release = tryLock(path);
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
    expect(tryLock(path)).toBeNull();
    release?.();
    expect(tryLock(path)).not.toBeNull();
  });

  it('takes over the lock of a process that is dead, and leaves nothing else behind', () => {
    tryLock(path)?.();
    writeFileSync(path, String(deadPid()));
    expect(tryLock(path)).not.toBeNull();
    expect(readdirSync(join(dir, 'below'))).toEqual(['session.lock']);
  });

  it('leaves a lock alone that somebody else has taken over meanwhile', () => {
    const release = tryLock(path);
    writeFileSync(path, '1');
    release?.();
    expect(existsSync(path)).toBe(true);
  });
});
