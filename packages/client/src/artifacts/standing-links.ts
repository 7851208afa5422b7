import { lstatSync, rmSync } from 'node:fs';
import { lstat, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isGit, isInside, realOrNull, unsafe } from './safe-paths';

/**
 * Links of the workspace that are an output, or in its path: removing outputs keeps them, and an archive whose task had
 * them lists them before anything else. A link that it does not list is no longer a link.
 */
export class StandingLinks {
  private readonly named = new Set<string>();
  private isSettled = false;

  constructor(
    private readonly root: string,
    private readonly outputs: readonly string[],
    /** Files to restore, by their paths in the workspace; all others are left alone. */
    private readonly only?: ((path: string) => boolean) | undefined,
  ) {}

  /** Records a link of the archive. True: it exists already, with this target, and may be written through. */
  async stands(path: string, target: string): Promise<boolean> {
    const there = await readlink(path).catch(() => null);
    if (there === null || there !== target) return false;
    this.refuseGit(path);
    this.named.add(path);
    const isOutput = this.outputs.some((output) => join(this.root, output) === path);
    // Replaced like every output, now that it is a link on both sides.
    if (isOutput && !(await this.clear(path))) return false;
    return true;
  }

  /** Empties the target folder of a link; false if the target cannot be an output. */
  private async clear(path: string): Promise<boolean> {
    const real = await realpath(path).catch(() => null);
    // Neither a folder outside, nor one that contains the link, and so everything else.
    if (real === null || !isInside(this.root, real) || isInside(real, path)) return false;
    const names = await readdir(path, { recursive: this.only !== undefined }).catch(() => null);
    if (names === null) return false;
    for (const name of names) {
      const place = join(path, name);
      if (!(await this.isPicked(place))) continue;
      await rm(place, { recursive: true, force: true });
    }
    return true;
  }

  private async isPicked(path: string): Promise<boolean> {
    if (this.only === undefined) return true;
    const isFolder = await lstat(path).then(
      (stat) => stat.isDirectory(),
      () => true,
    );
    return !isFolder && this.only(relative(this.root, path).split(sep).join('/'));
  }

  /** Before anything except links is written, removes outputs that are links here and were none in the archive. */
  settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    for (const output of this.outputs) {
      const path = join(this.root, output);
      if (this.named.has(path)) continue;
      if (!isLink(path)) continue;
      this.refuseGit(path);
      rmSync(path, { force: true });
    }
  }

  /** @throws DteError DTE_ARTIFACT_UNSAFE if a link leads into git's folder, which is never an output of a task */
  private refuseGit(path: string): void {
    const real = realOrNull(path);
    if (real !== null && relative(this.root, real).split(sep).some(isGit))
      throw unsafe(`An output would be written through a link into ${real}: ${path}.`);
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}
