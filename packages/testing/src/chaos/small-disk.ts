import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '48m';
const BALLAST = '.ballast';
const BLOCKS = [1024 * 1024, 4096] as const;

/** A small file system of its own (tmpfs), which can be filled up and given room again. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /**
   * Mounts one on a folder, which is made.
   * @throws Error where this process may not mount anything
   */
  static mount(folder: string): SmallDisk {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'tmpfs', folder], { stdio: 'pipe' });
    return new SmallDisk(folder);
  }

  /** Null when this process may mount one, else why not. */
  static whyNot(): string | null {
    if (process.platform !== 'linux') return 'only Linux has tmpfs';
    const folder = mkdtempSync(join(tmpdir(), 'dte-disk-'));
    try {
      SmallDisk.mount(folder).unmount();
      return null;
    } catch (error) {
      return (error as Error).message.split('\n').join(' ');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Nothing more can be written. */
  fill(): void {
    const file = openSync(join(this.folder, BALLAST), 'a');
    try {
      for (const size of BLOCKS) fillBy(file, Buffer.alloc(size));
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(join(this.folder, BALLAST), { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }
}

function fillBy(file: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, block) === 0) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
