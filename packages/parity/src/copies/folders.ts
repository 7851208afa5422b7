import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { copyFile, cp, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** How long the copy of one node_modules may take, on a slow disk. Not configurable. */
const COPY_MS = 30 * 60_000;

/** What tools keep in node_modules between runs: a fresh checkout has none of it. */
const CACHES = new Set(['.cache', '.vite', '.vite-temp', '.vitest', '.angular', '.parcel-cache', '.tmp']);

async function cpCommand(flags: readonly string[], from: readonly string[], to: string): Promise<void> {
  await execute('cp', [...flags, '--', ...from, to], { timeout: COPY_MS });
}

/**
 * Copies the content of a folder, without the caches of tools. A file system that can clone files does so: nothing is
 * shared that one side could change.
 */
export async function copyFolder(source: string, target: string): Promise<void> {
  const names = (await readdir(source)).filter((name) => !CACHES.has(name));
  await mkdir(target, { recursive: true });
  if (names.length === 0) return;
  const sources = names.map((name) => join(source, name));
  try {
    await cpCommand(['-a', '--reflink=auto'], sources, `${target}/`);
  } catch {
    // A cp without --reflink, or none at all. COPYFILE_FICLONE copies where it cannot clone.
    for (const path of sources)
      await cp(path, join(target, basename(path)), {
        recursive: true,
        force: true,
        verbatimSymlinks: true,
        preserveTimestamps: true,
        mode: constants.COPYFILE_FICLONE,
      });
  }
}

/** Like `copyFolder`, but with hard links: only for copies of our own, never from the user's files. */
export async function linkFolder(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  try {
    await cpCommand(['-al'], [source], target);
  } catch {
    await rm(target, { recursive: true, force: true });
    await copyFolder(source, target);
  }
}

/** Path -> size and time of every file below a folder; tells later which ones were changed in place. */
export type Stamps = ReadonlyMap<string, string>;

export async function stampsOf(root: string): Promise<Stamps> {
  const stamps = new Map<string, string>();
  const visit = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) {
        const { size, mtimeMs } = await lstat(join(root, path));
        stamps.set(path, `${size} ${mtimeMs}`);
      }
    }
  };
  await visit('');
  return stamps;
}

/** Whether the file system of a folder can clone files: then a full copy costs no more than links. */
export async function canClone(folder: string): Promise<boolean> {
  const [source, target] = [join(folder, 'clone-1'), join(folder, 'clone-2')];
  await writeFile(source, 'x');
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    for (const path of [source, target]) await rm(path, { force: true });
  }
}
