import {
  DteError,
  LIMITS,
  rendezvousRecordSchema,
  rendezvousReportSchema,
  sessionIdSchema,
  type Rendezvous,
  type RendezvousRecord,
  type RendezvousReport,
} from '@org/dte-protocol';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { generationKey, reporterKey } from './report-key';

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

const JSON_FILE = '.json';

/** Records as `<dir>/<sessionId>.json` in a folder that every job sees, reports in `<dir>/<sessionId>.reports`. */
export class FileRendezvous implements Rendezvous {
  readonly kind = 'file';
  readonly isAddressGiven = false;
  readonly isAcrossMachines = false;
  readonly isShared = false;
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

  publish(record: RendezvousRecord): Promise<void> {
    return this.write(this.pathOf(record.sessionId), record, 'The address of the coordinator');
  }

  async withdraw(sessionId: string, generation: string): Promise<void> {
    const record = await this.read(sessionId).catch(() => null);
    if (record?.generation === generation) await rm(this.pathOf(sessionId), { force: true });
  }

  async finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void> {
    const record = await this.read(sessionId).catch(() => null);
    if (record?.generation === generation) await this.publish({ ...record, expiresAtMs, state: 'finished' });
  }

  report(sessionId: string, generation: string, report: RendezvousReport): Promise<void> {
    const path = join(this.reportsOf(sessionId, generation), `${reporterKey(report)}${JSON_FILE}`);
    return this.write(path, report, 'The report that the coordinator cannot be reached');
  }

  async reports(sessionId: string, generation: string): Promise<readonly RendezvousReport[]> {
    const folder = this.reportsOf(sessionId, generation);
    const names = await readdir(folder).catch(() => []);
    const found: RendezvousReport[] = [];
    for (const name of names.filter((each) => each.endsWith(JSON_FILE))) {
      if (found.length >= LIMITS.rendezvousReports.value) break;
      // An unreadable one is skipped; the others still count.
      const text = await readFile(join(folder, name), 'utf8').catch(() => '{}');
      const report = rendezvousReportSchema.safeParse(parseJson(text));
      if (report.success) found.push(report.data);
    }
    return found;
  }

  async tidy(): Promise<void> {
    const names = await readdir(this.dir).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(JSON_FILE))) {
      const sessionId = name.slice(0, -JSON_FILE.length);
      const record = await this.read(sessionId).catch(() => null);
      if (record === null || record.expiresAtMs + LIMITS.rendezvousKeepMs.value > this.now()) continue;
      for (const path of [this.pathOf(sessionId), this.reportsOf(sessionId)])
        await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  private pathOf(sessionId: string): string {
    if (!sessionIdSchema.safeParse(sessionId).success) {
      throw new DteError('DTE_INVALID_ID', `"${sessionId}" cannot be the id of a session.`);
    }
    return join(this.dir, `${sessionId}${JSON_FILE}`);
  }

  /** Folder of the reports of one generation, or of all. */
  private reportsOf(sessionId: string, generation?: string): string {
    const all = `${this.pathOf(sessionId).slice(0, -JSON_FILE.length)}.reports`;
    return generation === undefined ? all : join(all, generationKey(generation));
  }

  /** @throws DteError DTE_BAD_CONFIG */
  private async write(path: string, content: object, what: string): Promise<void> {
    // A reader must never see half a file: rename within one folder is atomic, writing is not.
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, `${JSON.stringify(content, null, 2)}\n`);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new DteError(
        'DTE_BAD_CONFIG',
        `${what} cannot be written to ${path} (option rendezvousDir): ${(cause as Error).message}.`,
        { cause },
      );
    }
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
        { cause },
      );
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
