import {
  DteError,
  rendezvousRecordSchema,
  sessionIdSchema,
  type Rendezvous,
  type RendezvousRecord,
} from '@org/dte-protocol';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Records as `<dir>/<sessionId>.json` in a folder that every job sees. */
export class FileRendezvous implements Rendezvous {
  readonly kind = 'file';
  private readonly dir: string;

  constructor(
    dir: string,
    private readonly now: () => number = Date.now,
  ) {
    this.dir = resolve(dir);
  }

  async find(sessionId: string): Promise<RendezvousRecord | null> {
    const record = await this.read(sessionId);
    return record !== null && record.expiresAtMs > this.now() ? record : null;
  }

  async publish(record: RendezvousRecord): Promise<void> {
    const path = this.pathOf(record.sessionId);
    // A reader must never see half a record: rename within one folder is atomic, writing is not.
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await mkdir(this.dir, { recursive: true });
      await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new DteError(
        'DTE_BAD_CONFIG',
        `The address of the coordinator cannot be written to ${path} (option rendezvousDir): ${(cause as Error).message}.`,
        { cause },
      );
    }
  }

  async withdraw(sessionId: string, generation: string): Promise<void> {
    const record = await this.read(sessionId).catch(() => null);
    if (record?.generation === generation) await rm(this.pathOf(sessionId), { force: true });
  }

  async finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void> {
    const record = await this.read(sessionId).catch(() => null);
    if (record?.generation === generation) await this.publish({ ...record, expiresAtMs, state: 'finished' });
  }

  private pathOf(sessionId: string): string {
    if (!sessionIdSchema.safeParse(sessionId).success) {
      throw new DteError('DTE_INVALID_ID', `"${sessionId}" cannot be the id of a session.`);
    }
    return join(this.dir, `${sessionId}.json`);
  }

  private async read(sessionId: string): Promise<RendezvousRecord | null> {
    const path = this.pathOf(sessionId);
    try {
      return rendezvousRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (cause) {
      if (isMissing(cause)) return null;
      throw new DteError(
        'DTE_BAD_CONFIG',
        `${path} is not the address of a coordinator (option rendezvousDir); delete it.`,
        {
          cause,
        },
      );
    }
  }
}
