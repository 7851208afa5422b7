import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';

/** In the folder of a finished session; its age decides when the folder is removed. */
const FINISHED = 'finished';
/** In the folder of a finished session whose note in a merge request is still to be written. */
const NOTE_DUE = 'note-due';

/** What the folders of sessions say without being loaded. */
export class SessionMarks {
  constructor(
    private readonly fs: FileSystem,
    private readonly folder: (sessionId: string) => string,
  ) {}

  /** Null: it has not finished, or does not exist. */
  async finishedAtMs(sessionId: string): Promise<number | null> {
    const text = await this.read(sessionId, FINISHED);
    return text === null ? null : Number.parseInt(text, 10);
  }

  async noteIsDue(sessionId: string): Promise<boolean> {
    return (await this.read(sessionId, NOTE_DUE)) !== null;
  }

  async finished(sessionId: string, nowMs: number, isNoteDue: boolean): Promise<void> {
    const folder = this.folder(sessionId);
    // First: a finished session is not loaded again for any other reason.
    if (isNoteDue) await writeFileAtomically(this.fs, folder, NOTE_DUE, '');
    await writeFileAtomically(this.fs, folder, FINISHED, `${nowMs}\n`);
  }

  async noteIsDone(sessionId: string): Promise<void> {
    await this.remove(sessionId, NOTE_DUE);
  }

  async reopened(sessionId: string): Promise<void> {
    await this.remove(sessionId, NOTE_DUE);
    await this.remove(sessionId, FINISHED);
  }

  private async remove(sessionId: string, mark: string): Promise<void> {
    await this.fs.rm(`${this.folder(sessionId)}/${mark}`, { force: true });
  }

  private async read(sessionId: string, mark: string): Promise<string | null> {
    try {
      return (await this.fs.readFile(`${this.folder(sessionId)}/${mark}`)).toString();
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }
}
