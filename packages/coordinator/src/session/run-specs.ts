import { DteError, type RunSpec } from '@org/dte-protocol';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, gunzip, type ZlibOptions } from 'node:zlib';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';
import { LeanSpecs } from './lean-specs';
import { parseRun } from './parse-run';

/** A packed spec, in the terms of `content-encoding`. */
export interface PackedSpec {
  readonly encoding: SpecEncoding;
  readonly bytes: Buffer;
}

/** `gzip`: written by version 0.1.0. */
type SpecEncoding = 'br' | 'gzip';

const SUFFIXES = { br: '.json.br', gzip: '.json.gz' } as const satisfies Record<SpecEncoding, string>;
type Unpacking = Pick<ZlibOptions, 'maxOutputLength'>;
const UNPACK = {
  br: (raw: Buffer, options: Unpacking): Promise<Buffer> => promisify(brotliDecompress)(raw, options),
  gzip: (raw: Buffer, options: Unpacking): Promise<Buffer> => promisify(gunzip)(raw, options),
} as const;
const ENCODINGS = ['br', 'gzip'] as const;

/**
 * Of 20,000 tasks (11.6 MB): gzip 1 takes 26 ms for 738 kB, brotli 4 takes 61 ms for 471 kB, and higher levels take two
 * to eight times as long for the same size: what is left are the hashes. No limit.
 */
const LEVEL = 4;
/** Brotli's own default: 4 MB, which is some thousand tasks. No limit: a larger window would take more memory in every agent. */
const WINDOW_BITS = 22;

/** Packed specs that are kept in memory for agents that come for them. Not configurable: others are read from the disk. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * The specs of a session's runs, as received from the main job, but packed: `<session>/runs/<runId>.json.br`. Every
 * agent downloads them: each is packed once, read once, and sent to all of them from the same memory.
 */
export class RunSpecStore {
  readonly lean = new LeanSpecs();
  private readonly path: string;
  /** The latest last. */
  private readonly kept = new Map<string, PackedSpec>();
  private keptBytes = 0;

  constructor(
    private readonly fs: FileSystem,
    folder: string,
    private readonly maxBytes: number,
  ) {
    this.path = `${folder}/runs`;
  }

  /**
   * @returns its size on disk
   * @throws DteError DTE_DISK_FULL
   */
  async save(runId: string, raw: Buffer): Promise<number> {
    try {
      await this.fs.mkdir(this.path, { recursive: true });
      const bytes = await promisify(brotliCompress)(raw, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: LEVEL,
          [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
          [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
        },
      });
      await writeFileAtomically(this.fs, this.path, `${runId}${SUFFIXES.br}`, bytes);
      this.keep(runId, { encoding: 'br', bytes });
      return bytes.length;
    } catch (thrown) {
      throw diskError(thrown, `run ${runId}`, this.path);
    }
  }

  /** As `parseRun` reads it. @throws DteError DTE_JOURNAL_CORRUPT: the journal names a run whose spec is missing or damaged */
  async read(runId: string): Promise<{ readonly spec: RunSpec; readonly bytesOnDisk: number }> {
    try {
      const packed = await this.packed(runId);
      if (packed === null) throw new Error('There is no such file.');
      const raw = await UNPACK[packed.encoding](packed.bytes, { maxOutputLength: this.maxBytes });
      const spec = await parseRun(raw, this.maxBytes);
      return { spec, bytesOnDisk: packed.bytes.length };
    } catch (cause) {
      const path = `${this.path}/${runId}${SUFFIXES.br}`;
      throw new DteError('DTE_JOURNAL_CORRUPT', `The run file ${path} cannot be read.`, { cause });
    }
  }

  /**
   * Removes the specs of runs that are closed. Call it only when the journal names none of these runs any more: a replay
   * reads the spec of each run that the journal submits. What cannot be removed now is removed the next time.
   * @returns how many were removed
   */
  async removeClosed(isClosed: (runId: string) => boolean): Promise<number> {
    this.lean.removeClosed(isClosed);
    for (const runId of [...this.kept.keys()]) if (isClosed(runId)) this.drop(runId);
    // Nothing but complete specs: others have other names until they are.
    const names = await this.fs.readdir(this.path).catch(() => []);
    const closed = names.filter((name) => {
      const suffix = Object.values(SUFFIXES).find((each) => name.endsWith(each));
      return suffix !== undefined && isClosed(name.slice(0, -suffix.length));
    });
    let removed = 0;
    for (const name of closed)
      removed += await this.fs.rm(`${this.path}/${name}`, { force: true }).then(
        () => 1,
        () => 0,
      );
    return removed;
  }

  /** The packed spec, to be sent as it is. Null if there is none. */
  async packed(runId: string): Promise<PackedSpec | null> {
    const known = this.kept.get(runId);
    if (known !== undefined) return known;
    for (const encoding of ENCODINGS) {
      const path = `${this.path}/${runId}${SUFFIXES[encoding]}`;
      const bytes = await this.fs.readFile(path).catch((thrown: unknown) => {
        if (isNotFound(thrown)) return null;
        throw thrown;
      });
      if (bytes === null) continue;
      this.keep(runId, { encoding, bytes });
      return { encoding, bytes };
    }
    return null;
  }

  private keep(runId: string, packed: PackedSpec): void {
    this.drop(runId);
    this.kept.set(runId, packed);
    this.keptBytes += packed.bytes.length;
    for (const oldest of [...this.kept.keys()]) if (this.keptBytes > KEPT_BYTES) this.drop(oldest);
  }

  private drop(runId: string): void {
    this.keptBytes -= this.kept.get(runId)?.bytes.length ?? 0;
    this.kept.delete(runId);
  }
}
