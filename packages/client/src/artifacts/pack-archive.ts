import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path';
import { cleanPath } from '@org/dte-nx-compat';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { DteError } from '@org/dte-protocol';
import * as tar from 'tar-stream';
import {
  type ArchiveMeta,
  GZIP_LEVEL,
  META_ENTRY,
  OUTPUTS_PREFIX,
  TERMINAL_OUTPUT_ENTRY,
} from './archive-format';
import { finalTarget, isInside, unsafe } from './safe-paths';
import { refuseUnnameable } from './same-outputs';
import { utf8Chunks, withinLimit } from '../terminal';
import { type ArchiveLimits, type OutputsPort } from './ports';

export interface PackOptions {
  readonly workspaceRoot: string;
  readonly outputs: readonly string[];
  readonly port: OutputsPort;
  readonly meta: Omit<ArchiveMeta, 'version' | 'terminalSha256'>;
  /** If it exceeds `terminalOutputBytes`, the beginning is replaced by a line that reports this. */
  readonly terminalOutput: string;
  readonly limits: ArchiveLimits;
}

/**
 * The archive of one attempt as a stream; nothing is read before the stream is, and only one chunk is in memory. Links
 * into the workspace become relative, because other machines have other paths. Sockets, pipes and devices are skipped.
 * Errors destroy the stream with a DteError: DTE_ARTIFACT_UNSAFE for a link that leaves the workspace,
 * DTE_ARTIFACT_INCOMPLETE if a file changes while it is read.
 */
export function packAttempt(options: PackOptions): Readable {
  const pack = tar.pack();
  const gzip = createGzip({ level: GZIP_LEVEL });
  pipeline(pack, gzip).catch(() => undefined);
  new Packer(pack, options).run().then(
    () => pack.finalize(),
    (thrown: unknown) => {
      gzip.destroy(DteError.from(thrown, 'DTE_ARTIFACT_INCOMPLETE'));
      pack.destroy();
    },
  );
  return gzip;
}

type EntryHeader = Parameters<tar.Pack['entry']>[0];

class Packer {
  private root = '';

  constructor(
    private readonly pack: tar.Pack,
    private readonly options: PackOptions,
  ) {}

  async run(): Promise<void> {
    const { workspaceRoot, outputs, port, meta, terminalOutput, limits } = this.options;
    this.root = await realpath(workspaceRoot);
    const text = withinLimit(terminalOutput, limits.terminalOutputBytes);
    const terminalSha256 = createHash('sha256').update(text).digest('hex');
    const described: ArchiveMeta = { version: 1, ...meta, terminalSha256 };
    await this.addChunks({ name: META_ENTRY }, [Buffer.from(JSON.stringify(described))]);
    await this.addChunks({ name: TERMINAL_OUTPUT_ENTRY, size: Buffer.byteLength(text) }, utf8Chunks(text));
    const { roots, through, entries } = await port.list(outputs);
    refuseUnnameable(meta.taskId, entries);
    const isThrough = new Set(through);
    // Before the files behind them: only then can the extraction go through them.
    for (const path of through) await this.addLink(join(this.root, path), OUTPUTS_PREFIX + path);
    for (const path of topmost(roots)) await (isThrough.has(path) ? this.addBelow(path) : this.add(path));
  }

  private async add(path: string): Promise<void> {
    const absolute = join(this.root, path);
    const stat = await lstat(absolute);
    const name = OUTPUTS_PREFIX + path;
    const mode = stat.mode & 0o777;
    if (stat.isSymbolicLink()) await this.addLink(absolute, name);
    else if (stat.isDirectory()) {
      await this.addHeader({ name, type: 'directory', mode });
      await this.addBelow(path);
    } else if (stat.isFile()) await this.addFile(absolute, name, stat);
  }

  private async addBelow(path: string): Promise<void> {
    for (const child of (await readdir(join(this.root, path))).sort()) await this.add(`${path}/${child}`);
  }

  private async addFile(absolute: string, name: string, stat: Stats): Promise<void> {
    const header = { name, mode: stat.mode & 0o777, size: stat.size };
    if (stat.size === 0) return this.addHeader(header);
    const sink = this.pack.entry(header);
    // Not a byte more than the header announced, even if the file grows; a shrinking file is an error.
    await pipeline(createReadStream(absolute, { end: stat.size - 1 }), sink).catch((cause: unknown) => {
      throw new DteError('DTE_ARTIFACT_INCOMPLETE', `The output ${name} changed while it was read.`, {
        cause,
      });
    });
  }

  private async addLink(absolute: string, name: string): Promise<void> {
    const target = await readlink(absolute);
    if (!isInside(this.root, await finalTarget(absolute, target))) {
      throw unsafe(`The output ${name} is a link that leaves the workspace: ${target}.`);
    }
    const linkname = isAbsolute(target)
      ? relative(dirname(absolute), await insideRoot(this.root, target))
      : target;
    await this.addHeader({ name, type: 'symlink', linkname: linkname.split(sep).join(posix.sep) || '.' });
  }

  private addHeader(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pack.entry(header, '', (error?: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  private async addChunks(header: EntryHeader, chunks: Iterable<Buffer>): Promise<void> {
    header.size ??= sizeOf(chunks as Buffer[]);
    if (header.size === 0) return this.addHeader({ ...header, mode: 0o644 });
    await pipeline(chunks, this.pack.entry({ ...header, mode: 0o644 }));
  }
}

const sizeOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** An absolute target through a link to the workspace, relative to the resolved root. */
async function insideRoot(root: string, target: string): Promise<string> {
  return isInside(root, target) ? target : await finalTarget(root, target);
}

/** Expanded outputs may name a folder and something in it; the folder includes everything. */
export function topmost(paths: readonly string[]): string[] {
  const kept: string[] = [];
  const all = new Set(paths.map(cleanPath));
  for (const path of [...all].sort()) {
    const parents = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
    if (!parents.some((parent) => parent !== '' && all.has(parent))) kept.push(path);
  }
  return kept;
}
