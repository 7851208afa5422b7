import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DteError, LIMITS } from '@org/dte-protocol';
import { type EntryHeader } from './open-archive';
import { checkedParts, finalTarget, isGit, statOrNull, unsafe } from './safe-paths';

export interface GateOptions {
  readonly taskId: string;
  /** Absolute; existing links are the workspace's own. */
  readonly root: string;
  /** Does the task declare this output? */
  readonly isDeclared: (path: string) => boolean;
}

/** On these, names that differ only in case are one file. */
const FOLDS_CASE = process.platform === 'darwin' || process.platform === 'win32';
const KINDS = ['file', 'contiguous-file', 'directory', 'symlink'];

/**
 * Every entry of an archive must pass this before anything of it is written. The machine that sent it is known, but may
 * have been compromised: an archive may write only what its task declares, and nothing twice.
 */
export class ArchiveGate {
  /** Paths of files and links. */
  private readonly leaves = new Set<string>();
  /** Paths with something below them. */
  private readonly folders = new Set<string>();
  /** Links that the workspace has as well: an output may lead through one. */
  private readonly ownLinks = new Set<string>();
  private entries = 0;

  constructor(private readonly options: GateOptions) {}

  /** @throws DteError DTE_ARTIFACT_TOO_LARGE */
  count(): void {
    this.entries += 1;
    if (this.entries <= LIMITS.artifactEntries.value) return;
    const message = `The archive of ${this.options.taskId} has more than ${LIMITS.artifactEntries.value} entries.`;
    throw new DteError('DTE_ARTIFACT_TOO_LARGE', message);
  }

  /**
   * @param name as in the archive, relative to the workspace
   * @returns its parts; null for a folder or link above outputs that need not be created
   * @throws DteError DTE_ARTIFACT_UNSAFE, DTE_ARTIFACT_UNDECLARED
   */
  async pass({ type: kind, linkname }: EntryHeader, name: string): Promise<string[] | null> {
    const parts = checkedParts(name);
    if (!KINDS.includes(kind))
      throw unsafe(
        `The archive contains an entry of a kind that cannot be an output (${kind}): ${shown(name)}.`,
      );
    if (parts.some(isGit)) throw this.undeclared(name, 'can never be the output of a task');
    if (kind === 'symlink' && linkname.split(/[\\/]/).some(isGit))
      throw this.undeclared(`${name} -> ${linkname}`, 'can never be the output of a task');
    const path = parts.join('/');
    await this.once(path, kind, linkname);
    if (this.options.isDeclared(path)) return parts;
    if (kind === 'directory' || this.ownLinks.has(fold(path))) return null;
    throw this.undeclared(name, 'is not a declared output of the task');
  }

  /** The same path twice, or one that is both a file and a folder: the second would be written through the first. */
  private async once(path: string, kind: string, linkname: string): Promise<void> {
    const key = fold(path);
    const parts = key.split('/');
    for (let length = 1; length < parts.length; length++) {
      const above = parts.slice(0, length).join('/');
      if (this.leaves.has(above) && !this.ownLinks.has(above)) throw twice(path);
      this.folders.add(above);
    }
    if (kind === 'directory') {
      if (this.leaves.has(key)) throw twice(path);
      this.folders.add(key);
      return;
    }
    if (this.leaves.has(key)) throw twice(path);
    this.leaves.add(key);
    if (kind === 'symlink' && (await this.isOwn(path, linkname))) this.ownLinks.add(key);
    else if (this.folders.has(key)) throw twice(path);
  }

  /** Does the workspace have the same link, with the same target? */
  private async isOwn(path: string, target: string): Promise<boolean> {
    const link = join(this.options.root, path);
    if ((await statOrNull(link))?.isSymbolicLink() !== true) return false;
    return (await finalTarget(link, await readlink(link))) === (await finalTarget(link, target));
  }

  private undeclared(name: string, why: string): DteError {
    const { taskId } = this.options;
    return new DteError(
      'DTE_ARTIFACT_UNDECLARED',
      `The archive of ${taskId} would write ${shown(name)}, which ${why}; nothing of it was unpacked.`,
    );
  }
}

const fold = (path: string): string => (FOLDS_CASE ? path.normalize('NFC').toLowerCase() : path);

/** How much of a path is shown. Not configurable: it is only text of a message. */
const SHOWN = 200;
const shown = (name: string): string =>
  JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}...` : name);

const twice = (path: string): DteError =>
  unsafe(`The archive contains ${shown(path)} twice, or as a file and as a folder.`);
