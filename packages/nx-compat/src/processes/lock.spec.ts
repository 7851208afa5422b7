import { spawnSync } from 'node:child_process';
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { tryLock } from './lock';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dte-lock-'));
  path = join(dir, 'below', 'session.lock');
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;
const files = (): string[] => readdirSync(dirname(path));
const write = (text: string, ageMs = 0, file = path): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  const date = new Date(Date.now() - ageMs);
  utimesSync(file, date, date);
};
const failing = (code: string) => (): never => {
  throw Object.assign(new Error(code), { code });
};
const withoutHardLinks = (): void => void jest.spyOn(fs, 'linkSync').mockImplementation(failing('EPERM'));

describe.each([
  ['where the file system has hard links', () => undefined],
  ['where it has none', withoutHardLinks],
])('tryLock, %s', (_, prepare) => {
  beforeEach(() => prepare());

  it('is acquired once, names its owner, and is free again when released', () => {
    const release = tryLock(path);
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
    expect(tryLock(path)).toBeNull();
    release?.();
    expect(files()).toEqual([]);
    expect(tryLock(path)).not.toBeNull();
  });

  it('takes over the lock of a process that has exited, and leaves nothing else behind', () => {
    tryLock(path)?.();
    writeFileSync(path, String(deadPid()));
    expect(tryLock(path)).not.toBeNull();
    expect(files()).toEqual(['session.lock']);
  });

  it('does not release a lock that another process has since taken over', () => {
    const release = tryLock(path);
    writeFileSync(path, '1');
    release?.();
    expect(existsSync(path)).toBe(true);
  });

  it.each(['', '\0\0\0', 'no pid'])('takes over a lock without a process id, %j, once it is old', (text) => {
    write(text, 1_000);
    expect(tryLock(path)).toBeNull();
    expect(files()).toEqual(['session.lock']);
    write(text, 60_000);
    expect(tryLock(path)).not.toBeNull();
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
  });

  it('does not interrupt another process that is taking it over', () => {
    const dead = String(deadPid());
    write(dead);
    write(String(process.ppid), 60_000, `${path}.takeover`);
    expect(tryLock(path)).toBeNull();
    expect(readFileSync(path, 'utf8')).toBe(dead);
  });

  it('takes it over when a process has exited while it took it over', () => {
    const dead = String(deadPid());
    write(dead);
    write(dead, 0, `${path}.takeover`);
    expect(tryLock(path)).not.toBeNull();
    expect(files()).toEqual(['session.lock']);
  });

  it('leaves nothing behind when the disk is full', () => {
    jest.spyOn(fs, 'writeFileSync').mockImplementationOnce(failing('ENOSPC'));
    expect(() => tryLock(path)).toThrow('ENOSPC');
    expect(files()).toEqual([]);
    expect(tryLock(path)).not.toBeNull();
  });
});

describe('tryLock, if the file system has no hard links', () => {
  it('leaves no lock without an owner behind when the disk is full', () => {
    withoutHardLinks();
    const real = fs.writeFileSync;
    jest.spyOn(fs, 'writeFileSync').mockImplementation((file, ...more) => {
      if (typeof file === 'number') failing('ENOSPC')();
      real(file, ...more);
    });
    expect(() => tryLock(path)).toThrow('ENOSPC');
    expect(files()).toEqual([]);
  });

  it('is not acquired by a process that was suspended until another one had taken over', () => {
    withoutHardLinks();
    const real = fs.writeFileSync;
    jest.spyOn(fs, 'writeFileSync').mockImplementation((file, ...more) => {
      if (typeof file === 'number') {
        rmSync(path);
        real(path, String(process.ppid));
      }
      real(file, ...more);
    });
    expect(tryLock(path)).toBeNull();
    expect(readFileSync(path, 'utf8')).toBe(String(process.ppid));
  });

  it('reports why a lock cannot be created', () => {
    mkdirSync(dirname(path));
    jest.spyOn(fs, 'linkSync').mockImplementation(() => {
      rmSync(dirname(path), { recursive: true });
      failing('ENOENT')();
    });
    expect(() => tryLock(path)).toThrow(`ENOENT: no such file or directory, open '${path}'`);
  });
});
