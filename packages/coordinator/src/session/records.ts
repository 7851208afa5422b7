import { DteError, LIMITS, recordSchema, type SessionRecord, type SessionStatus } from '@org/dte-protocol';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';

type RecordHead = SessionStatus['records'][number];

const headSchema = recordSchema.omit({ output: true });

/**
 * Commands stored by `dte record`: a head (`000001.json`) and the output (`000001.txt`) of each. The head is written
 * last, and a record without a head does not exist, so a partly written one is ignored.
 */
export class RecordStore {
  private constructor(
    private readonly fs: FileSystem,
    private readonly path: string,
    private readonly kept: RecordHead[],
    /** Never reused, not even after a failed write. */
    private lastNumber: number,
  ) {}

  static async open(fs: FileSystem, folder: string): Promise<RecordStore> {
    const path = `${folder}/records`;
    const names = await fs.readdir(path).catch((thrown: unknown): string[] => {
      if (isNotFound(thrown)) return [];
      throw thrown;
    });
    const kept: RecordHead[] = [];
    const heads = names.filter((each) => /^[0-9]+\.json$/.test(each)).sort();
    for (const name of heads) {
      kept.push(headSchema.parse(JSON.parse((await fs.readFile(`${path}/${name}`)).toString('utf8'))));
    }
    return new RecordStore(fs, path, kept, Number.parseInt(heads.at(-1) ?? '0', 10));
  }

  heads(): readonly RecordHead[] {
    return this.kept;
  }

  /** @throws DteError DTE_LIMIT_REACHED, DTE_DISK_FULL */
  async add({ output, ...head }: SessionRecord): Promise<void> {
    if (this.kept.length >= LIMITS.recordsPerSession.value) {
      throw new DteError(
        'DTE_LIMIT_REACHED',
        `The session already has ${this.kept.length} recorded commands (limit recordsPerSession).`,
      );
    }
    this.kept.push(head);
    this.lastNumber += 1;
    const name = String(this.lastNumber).padStart(6, '0');
    try {
      await this.fs.mkdir(this.path, { recursive: true });
      await writeFileAtomically(this.fs, this.path, `${name}.txt`, output);
      await writeFileAtomically(this.fs, this.path, `${name}.json`, JSON.stringify(head));
    } catch (thrown) {
      this.kept.splice(this.kept.indexOf(head), 1);
      throw diskError(thrown, 'a recorded command', this.path);
    }
  }
}
