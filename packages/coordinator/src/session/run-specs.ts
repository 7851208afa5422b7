import { decode, DteError, type RunSpec, runSpecSchema } from '@org/dte-protocol';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';

/** Compression level: already a tenth of the size, and higher levels keep the main job waiting. No limit. */
const LEVEL = 1;

/**
 * The specs of a session's runs, each as its main job sent it, but gzipped: `<session>/runs/<runId>.json.gz`. Every agent
 * fetches them: for 20,000 tasks that are 12 MB, which a thousand agents make 12 GB.
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

  /** @throws DteError DTE_DISK_FULL */
  async save(runId: string, raw: Buffer): Promise<void> {
    try {
      await this.fs.mkdir(this.path, { recursive: true });
      await writeFileAtomically(
        this.fs,
        this.path,
        nameOf(runId),
        await promisify(gzip)(raw, { level: LEVEL }),
      );
    } catch (thrown) {
      throw diskError(thrown, `run ${runId}`, this.path);
    }
  }

  /** @throws DteError DTE_JOURNAL_CORRUPT: the journal names a run whose spec is gone or damaged */
  async read(runId: string): Promise<RunSpec> {
    const path = `${this.path}/${nameOf(runId)}`;
    try {
      const raw = await promisify(gunzip)(await this.fs.readFile(path), { maxOutputLength: this.maxBytes });
      return decode(runSpecSchema, raw.toString('utf8'), this.maxBytes);
    } catch (cause) {
      throw new DteError('DTE_JOURNAL_CORRUPT', `The run file ${path} cannot be read.`, { cause });
    }
  }

  /** The gzipped spec, to be sent on. Null when there is none. */
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

const nameOf = (runId: string): string => `${runId}.json.gz`;
