import { lstat, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Links of the workspace that an output is, or is reached through: removing outputs leaves them, and an archive whose task
 * had them names them ahead of all else. What it does not name is no link any more.
 */
export class StandingLinks {
  private readonly named = new Set<string>();
  private isSettled = false;

  constructor(
    private readonly root: string,
    private readonly outputs: readonly string[],
  ) {}

  /** Takes note of a link of the archive. True: it is there already, with this target, and may be written through. */
  async stands(path: string, target: string): Promise<boolean> {
    const there = await readlink(path).catch(() => null);
    if (there === null || there !== target) return false;
    this.named.add(path);
    return true;
  }

  /** Before anything but a link is written: outputs that are links here, and were none there, go. */
  async settle(): Promise<void> {
    if (this.isSettled) return;
    this.isSettled = true;
    for (const output of this.outputs) {
      const path = join(this.root, output);
      if (this.named.has(path)) continue;
      const isLink = await lstat(path).then(
        (stat) => stat.isSymbolicLink(),
        () => false,
      );
      if (isLink) await rm(path, { force: true });
    }
  }
}
