import { randomBytes } from 'node:crypto';
import type { StagedName } from '@org/dte-cache';
import { type FileSystem, isNotFound } from '../files/file-system';
import { fileName, readFileName } from './entry-name';

/** Of one artifact of a session that is in the bucket. */
export type Staged = Pick<StagedName, 'bytes' | 'sha256'>;

/** Bytes of the random part of a place: no two sessions have the same, also if one begins anew under the name of an earlier one. */
const PLACE_BYTES = 16;
const PLACE = /^place-([0-9a-f]{32})$/;
const BYTES = /^(.*)\.(\d{1,15})$/;

/**
 * What a session has in the bucket, by name of its entry. Each is an empty file `<entry>.<sha256>.<bytes>` in the folder of the session: it is
 * there, or not, and says all.
 */
export class StagedFolder {
  /** One at a time: a second place would be the one that is found after a restart. */
  private choosing: Promise<string> | null = null;

  private constructor(
    private readonly fs: FileSystem,
    private readonly path: string,
    readonly entries: Map<string, Staged>,
    private placeOrNull: string | null,
  ) {}

  static async open(fs: FileSystem, path: string): Promise<StagedFolder> {
    const entries = new Map<string, Staged>();
    let place: string | null = null;
    for (const file of await namesIn(fs, path)) {
      place = PLACE.exec(file)?.[1] ?? place;
      const [, named = '', bytes = ''] = BYTES.exec(file) ?? [];
      const known = readFileName(named);
      if (known !== null) entries.set(known.entry, { bytes: Number(bytes), sha256: known.sha256 });
    }
    // Nobody knows any more where they are.
    if (place === null) entries.clear();
    return new StagedFolder(fs, path, entries, place);
  }

  /** Null: nothing was ever put into the bucket. */
  get place(): string | null {
    return this.placeOrNull;
  }

  /** The place of this session in the bucket; it is chosen when it is needed first. */
  async makePlace(): Promise<string> {
    if (this.placeOrNull !== null) return this.placeOrNull;
    this.choosing ??= this.choosePlace().finally(() => (this.choosing = null));
    return this.choosing;
  }

  /** On disk first: what a client was told is known after a restart. */
  async add(entry: string, staged: Staged): Promise<void> {
    await this.fs.writeFile(this.fileOf(entry, staged), '', { mode: 0o600 });
    this.entries.set(entry, staged);
  }

  async drop(entry: string): Promise<void> {
    const staged = this.entries.get(entry);
    if (staged === undefined) return;
    this.entries.delete(entry);
    await this.fs.rm(this.fileOf(entry, staged), { force: true });
  }

  async delete(): Promise<void> {
    await this.fs.rm(this.path, { recursive: true, force: true });
  }

  private async choosePlace(): Promise<string> {
    const place = randomBytes(PLACE_BYTES).toString('hex');
    await this.fs.mkdir(this.path, { recursive: true });
    await this.fs.writeFile(`${this.path}/place-${place}`, '', { mode: 0o600 });
    this.placeOrNull = place;
    return place;
  }

  private fileOf(entry: string, { bytes, sha256 }: Staged): string {
    return `${this.path}/${fileName(entry, sha256)}.${bytes}`;
  }
}

async function namesIn(fs: FileSystem, path: string): Promise<string[]> {
  try {
    return await fs.readdir(path);
  } catch (thrown) {
    if (isNotFound(thrown)) return [];
    throw thrown;
  }
}
