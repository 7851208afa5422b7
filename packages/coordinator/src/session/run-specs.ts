import { decode, DteError, type RunSpec, runSpecSchema } from '@org/dte-protocol';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';

/** Compression level: already a tenth of the size, and higher levels keep the main job waiting. No limit. */
const LEVEL = 1;

/**
 * The specs of a session's runs, as received from the main job, but gzipped: `<session>/runs/<runId>.json.gz`. Every
 * agent downloads them: 20,000 tasks are 12 MB, and 12 GB for a thousand agents.
 */
export class RunSpecStore {
  private readonly path: string;

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
      const zipped = await promisify(gzip)(raw, { level: LEVEL });
      await writeFileAtomically(this.fs, this.path, nameOf(runId), zipped);
      return zipped.length;
    } catch (thrown) {
      throw diskError(thrown, `run ${runId}`, this.path);
    }
  }

  /** @throws DteError DTE_JOURNAL_CORRUPT: the journal names a run whose spec is missing or damaged */
  async read(runId: string): Promise<{ readonly spec: RunSpec; readonly bytesOnDisk: number }> {
    const path = `${this.path}/${nameOf(runId)}`;
    try {
      const zipped = await this.fs.readFile(path);
      const raw = await promisify(gunzip)(zipped, { maxOutputLength: this.maxBytes });
      const spec = decode(runSpecSchema, raw.toString('utf8'), this.maxBytes);
      return { spec, bytesOnDisk: zipped.length };
    } catch (cause) {
      throw new DteError('DTE_JOURNAL_CORRUPT', `The run file ${path} cannot be read.`, { cause });
    }
  }

  /**
   * Removes the specs of runs that are closed. Call it only when the journal names none of these runs any more: a replay
   * reads the spec of each run that the journal submits. What cannot be removed now is removed the next time.
   * @returns how many were removed
   */
  async removeClosed(isClosed: (runId: string) => boolean): Promise<number> {
    // Nothing but complete specs: others have other names until they are.
    const names = await this.fs.readdir(this.path).catch(() => []);
    const closed = names.filter((name) => name.endsWith(SUFFIX) && isClosed(name.slice(0, -SUFFIX.length)));
    let removed = 0;
    for (const name of closed)
      removed += await this.fs.rm(`${this.path}/${name}`, { force: true }).then(
        () => 1,
        () => 0,
      );
    return removed;
  }

  /** The gzipped spec, to be sent as it is. Null if there is none. */
  async open(runId: string): Promise<{ readonly bytes: number; readonly body: Readable } | null> {
    try {
      const handle = await this.fs.open(`${this.path}/${nameOf(runId)}`, 'r');
      const { size } = await handle.stat();
      return { bytes: size, body: handle.createReadStream() };
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }
}

const SUFFIX = '.json.gz';

const nameOf = (runId: string): string => `${runId}${SUFFIX}`;
