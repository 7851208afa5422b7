import { NX_ARCHIVE } from '@org/dte-nx-compat';
import { closeSync, fchmodSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, open, rm, symlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DteError } from '@org/dte-protocol';
import { ArchiveGate } from './archive-gate';
import {
  type ArchiveMeta,
  META_BYTES,
  META_ENTRY,
  OUTPUTS_PREFIX,
  TERMINAL_OUTPUT_ENTRY,
  parseMeta,
} from './archive-format';
import { type ArchiveEntry, openArchive } from './open-archive';
import { type ArchiveLimits, type OutputsPort } from './ports';
import { StandingLinks } from './standing-links';
import { FolderMaker, finalTarget, isGit, isInside, unsafe } from './safe-paths';
import { WHOLE_BYTES, wholeArchive } from './whole-archive';

export interface ExtractOptions {
  /** The archive; destroyed if extraction fails. `bytes` is its size, if it has arrived completely. */
  readonly source: Readable & { readonly bytes?: number | null };
  readonly workspaceRoot: string;
  /** The archive must be for this task. */
  readonly taskId: string;
  /** The task's outputs: existing ones are removed first. */
  readonly outputs: readonly string[];
  readonly port: OutputsPort;
  /** Agents restore a dependency without its terminal output. */
  readonly terminalOutput: 'collect' | 'skip';
  readonly limits: ArchiveLimits;
  /** Default `attempt`, the format of dte; `nx-cache` is Nx's format, which says at its end whether the task succeeded. */
  readonly format?: 'attempt' | 'nx-cache' | undefined;
  /** Skips every file and link for which this is false; a path is relative to the workspace. */
  readonly only?: ((path: string) => boolean) | undefined;
  /** The folder was just made: nothing is there that would have to be removed. */
  readonly isEmpty?: true;
  /** Default `inside`: a link that leaves the workspace is rejected. `any` if nothing is ever written through one. */
  readonly links?: 'inside' | 'any' | undefined;
}

export interface ExtractedAttempt {
  readonly meta: ArchiveMeta;
  /** Empty if skipped. */
  readonly terminalOutput: string;
}

/**
 * Restores an archive's outputs, and writes nothing that the task does not declare: absolute paths, `..`, links that
 * leave the workspace, hard links, devices, pipes, and duplicate paths are rejected (see `ArchiveGate`). Links are
 * created last, so that nothing is written through one, except through links that the workspace has as well (see
 * StandingLinks). After a failure, everything that was written is removed: half of an output is worse than none.
 * @throws DteError DTE_ARTIFACT_UNSAFE, DTE_ARTIFACT_UNDECLARED, DTE_ARTIFACT_INCOMPLETE (cut off or damaged),
 * DTE_ARTIFACT_TOO_LARGE, DTE_DISK_FULL
 */
export async function extractAttempt(options: ExtractOptions): Promise<ExtractedAttempt> {
  const archive = await openAny(options);
  const extractor = new Extractor(options);
  try {
    for await (const entry of archive.entries) await extractor.take(entry);
    return await extractor.finish();
  } catch (thrown) {
    await extractor.undo();
    throw asArchiveError(thrown, options.taskId);
  } finally {
    archive.close();
  }
}

/** A small one, which has arrived completely, is read at once. */
async function openAny({ source, format, taskId }: ExtractOptions): Promise<ReturnType<typeof openArchive>> {
  const isOfNx = format === 'nx-cache';
  const { bytes } = source;
  if (bytes === undefined || bytes === null || bytes > WHOLE_BYTES) return openArchive(source, isOfNx);
  const packed = await buffer(source).catch((thrown: unknown) =>
    Promise.reject(asArchiveError(thrown, taskId)),
  );
  const entries = wholeArchive(packed, isOfNx);
  if (entries === null) return openArchive(Readable.from([packed], { objectMode: false }), isOfNx);
  return { entries: oneByOne(entries), close: () => source.destroy() };
}

async function* oneByOne(entries: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  await Promise.resolve();
  yield* entries;
}

export function asArchiveError(thrown: unknown, taskId: string): DteError {
  if (thrown instanceof DteError) return thrown;
  if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') {
    return new DteError('DTE_DISK_FULL', `The disk is full; the outputs of ${taskId} do not fit.`, {
      cause: thrown,
    });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DteError('DTE_ARTIFACT_INCOMPLETE', `The archive of ${taskId} cannot be read: ${message}.`, {
    cause: thrown,
  });
}

class Extractor {
  private meta: ArchiveMeta | null = null;
  private readonly terminalOutput: Buffer[] = [];
  private readonly links: { path: string; target: string }[] = [];
  private readonly written: string[] = [];
  private readonly folderModes: { path: string; mode: number }[] = [];
  private bytes = 0;

  private readonly folders: FolderMaker;
  private readonly standing: StandingLinks;
  private readonly gate: ArchiveGate;
  /** An archive in Nx's format ends with the exit code. */
  private hasCode = false;

  constructor(private readonly options: ExtractOptions) {
    const { taskId, outputs, port } = options;
    this.folders = new FolderMaker(options.workspaceRoot);
    this.standing = new StandingLinks(this.folders.root, options.outputs, options.only);
    this.gate = new ArchiveGate({
      taskId,
      root: this.folders.root,
      isDeclared: port.covers(outputs),
    });
  }

  async take(entry: ArchiveEntry): Promise<void> {
    const { name, size } = entry.header;
    this.gate.count();
    if (this.options.format === 'nx-cache') {
      await this.takeCached(entry);
      return;
    }
    if (this.meta === null) {
      await this.takeMeta(entry);
      return;
    }
    this.count(size);
    if (name === TERMINAL_OUTPUT_ENTRY) await this.takeTerminalOutput(entry);
    else if (name.startsWith(OUTPUTS_PREFIX)) await this.takeOutput(entry, name.slice(OUTPUTS_PREFIX.length));
    else throw unsafe(`The archive contains an entry that leaves the workspace: ${JSON.stringify(name)}.`);
  }

  async finish(): Promise<ExtractedAttempt> {
    if (this.meta === null) throw new DteError('DTE_ARTIFACT_INCOMPLETE', 'The archive is empty.');
    if (this.options.format === 'nx-cache' && !this.hasCode)
      throw new DteError(
        'DTE_ARTIFACT_INCOMPLETE',
        'The archive does not contain the exit code of its task.',
      );
    this.standing.settle();
    for (const { path, target } of this.links) {
      await rm(path, { recursive: true, force: true });
      await symlink(target, path);
    }
    // Only now are the final targets of chained links known.
    if (this.options.links !== 'any')
      for (const { path, target } of this.links) await this.checkLink(path, target);
    for (const { path, mode } of this.folderModes.reverse()) await chmod(path, mode);
    return { meta: this.meta, terminalOutput: Buffer.concat(this.terminalOutput).toString('utf8') };
  }

  async undo(): Promise<void> {
    // Links that leave the workspace must be removed even if the outputs' globs do not match them.
    for (const { path } of this.links)
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    if (this.meta === null) return;
    await this.removeOld().catch(() => undefined);
    for (const path of this.written) await rm(path, { force: true }).catch(() => undefined);
  }

  /**
   * If an output includes git's folder, as the workspace itself does, existing files are overwritten: removing them
   * would destroy the repository. What globs match and git tracks stays, unless the archive is from this run and
   * therefore contains it.
   */
  private async removeOld(): Promise<void> {
    const { outputs, port, format, only } = this.options;
    const takesInGit = (output: string): boolean =>
      output.split('/').some(isGit) || port.covers([output])('.git');
    await port.remove(
      outputs.filter((output) => !takesInGit(output)),
      { behindLinks: false, keepsTracked: format === 'nx-cache' || only !== undefined },
    );
  }

  private count(size: number): void {
    this.bytes += size;
    const { artifactBytes } = this.options.limits;
    if (this.bytes > artifactBytes) {
      throw new DteError(
        'DTE_ARTIFACT_TOO_LARGE',
        `The outputs of ${this.options.taskId} exceed ${artifactBytes} bytes.`,
      );
    }
  }

  /** Outputs first, each named by its path, then two files: the terminal output, and the exit code. */
  private async takeCached(entry: ArchiveEntry): Promise<void> {
    const { name, size } = entry.header;
    if (this.meta === null) {
      // Values that are known in advance; the exit code comes last, and may be other than 0 (NX_CACHE_FAILURES).
      this.meta = { version: 1, taskId: this.options.taskId, hash: null, code: 0, status: 'success' };
      if (this.options.isEmpty !== true) await this.removeOld();
    }
    this.count(size);
    if (name === NX_ARCHIVE.terminalOutputEntry) await this.takeTerminalOutput(entry);
    else if (name === NX_ARCHIVE.codeEntry) this.meta = await this.withCode(this.meta, entry);
    else await this.takeOutput(entry, name);
  }

  private async withCode(meta: ArchiveMeta, entry: ArchiveEntry): Promise<ArchiveMeta> {
    if (this.hasCode) throw unsafe('The archive contains the exit code of its task twice.');
    if (entry.header.size !== NX_ARCHIVE.codeBytes)
      throw unsafe(
        `The exit code in the archive has ${entry.header.size} bytes, not ${NX_ARCHIVE.codeBytes}.`,
      );
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk);
    const code = NX_ARCHIVE.codeOf(Buffer.concat(chunks));
    this.hasCode = true;
    return { ...meta, code, status: code === 0 ? 'success' : 'failure' };
  }

  private async takeMeta(entry: ArchiveEntry): Promise<void> {
    if (entry.header.name !== META_ENTRY || entry.header.size > META_BYTES) {
      throw unsafe('The archive does not start with a meta.json of this version.');
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk);
    const meta = parseMeta(Buffer.concat(chunks).toString('utf8'));
    if (meta.taskId !== this.options.taskId) {
      throw unsafe(`The archive belongs to ${meta.taskId}, not to ${this.options.taskId}.`);
    }
    this.meta = meta;
    await this.removeOld();
  }

  private async takeTerminalOutput(entry: ArchiveEntry): Promise<void> {
    if (entry.header.size > this.options.limits.terminalOutputBytes) {
      throw new DteError(
        'DTE_ARTIFACT_TOO_LARGE',
        `The terminal output of ${this.options.taskId} is too long.`,
      );
    }
    for await (const chunk of entry) {
      if (this.options.terminalOutput === 'collect') this.terminalOutput.push(chunk);
    }
  }

  private async takeOutput(entry: ArchiveEntry, name: string): Promise<void> {
    const { type, mode, linkname } = entry.header;
    const { only } = this.options;
    const picked = name.replace(/\/+$/, '');
    // Files are also selected behind a link that is itself an output.
    const isOutput = type === 'symlink' && this.options.outputs.includes(picked);
    const isLeft = only !== undefined && !isOutput && (type === 'directory' || !only(picked));
    const parts = isLeft ? null : await this.gate.pass(entry.header, name);
    if (parts === null) {
      entry.resume();
      return;
    }
    const place = join(this.folders.root, ...parts);
    if (type === 'symlink' && (await this.standing.stands(place, linkname))) {
      entry.resume();
      return;
    }
    if (type !== 'symlink') this.standing.settle();
    const above = this.folders.make(parts.slice(0, -1));
    const path = join(above, parts[parts.length - 1] ?? '');
    if (type === 'directory') {
      this.folders.make(parts);
      this.folderModes.push({ path, mode: mode & 0o777 });
    } else if (type === 'symlink') this.keepLink(path, linkname);
    else {
      this.written.push(path);
      if (entry.content === undefined) await writeFile(path, entry, mode & 0o777);
      else writeNow(path, entry.content, mode & 0o777);
      return;
    }
    entry.resume();
  }

  private keepLink(path: string, target: string): void {
    const leaves = isAbsolute(target) || !isInside(this.folders.root, join(path, '..', target));
    if (target === '' || target.includes('\0') || (leaves && this.options.links !== 'any')) {
      throw unsafe(`The archive contains a link that leaves the workspace: ${path} -> ${target}.`);
    }
    this.links.push({ path, target });
  }

  private async checkLink(path: string, target: string): Promise<void> {
    if (isInside(this.folders.root, await finalTarget(path, target))) return;
    throw unsafe(`The archive contains links that together leave the workspace: ${path} -> ${target}.`);
  }
}

/** Like `writeFile`, for what is in memory: some ten microseconds, instead of five turns of the thread pool. */
function writeNow(path: string, content: Buffer, mode: number): void {
  let file: number;
  try {
    file = openSync(path, 'wx', mode);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    rmSync(path, { recursive: true, force: true });
    file = openSync(path, 'wx', mode);
  }
  try {
    writeFileSync(file, content);
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

/** Never through an existing path: an exclusive open does not follow links. */
async function writeFile(path: string, content: AsyncIterable<Buffer>, mode: number): Promise<void> {
  const create = () => open(path, 'wx', mode);
  const file = await create().catch(async (thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    await rm(path, { recursive: true, force: true });
    return create();
  });
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    // This machine's umask limits the mode of `open`, and may differ from the other machine's.
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}
