import { decode, DteError, type RunSpec, runSpecSchema } from '@org/dte-protocol';
import type { Readable } from 'node:stream';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';

/** The specs of a session's runs, each as its main job sent it: `<session>/runs/<runId>.json`. */
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
      await writeFileAtomically(this.fs, this.path, `${runId}.json`, raw);
    } catch (thrown) {
      throw diskError(thrown, `run ${runId}`, this.path);
    }
  }

  /** @throws DteError DTE_JOURNAL_CORRUPT: the journal names a run whose spec is gone or damaged */
  async read(runId: string): Promise<RunSpec> {
    const path = `${this.path}/${runId}.json`;
    try {
      return decode(runSpecSchema, (await this.fs.readFile(path)).toString('utf8'), this.maxBytes);
    } catch (cause) {
      throw new DteError('DTE_JOURNAL_CORRUPT', `The run file ${path} cannot be read.`, { cause });
    }
  }

  /** The spec as it came, to be sent on. Null when there is none. */
  async open(runId: string): Promise<{ readonly bytes: number; readonly body: Readable } | null> {
    try {
      const handle = await this.fs.open(`${this.path}/${runId}.json`, 'r');
      const { size } = await handle.stat();
      return { bytes: size, body: handle.createReadStream() };
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }
}
