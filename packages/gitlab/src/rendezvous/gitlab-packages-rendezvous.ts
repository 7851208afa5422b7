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
import { isReportFile, PACKAGE_NAME, recordFile, reportFile, versionOf } from './names';
import { REAL_TIME, type Patience, type Timing } from './patient-client';
import { provenanceOf } from './provenance';
import type { PackageRegistry } from './registry';

/** Always expired: a removed record. Deleting it requires a role that most users do not have. */
const TAKEN_BACK_MS = 0;

/** How often a record is read again that was replaced right after it was read. Not configurable: once is rare. */
const REPLACED_AT_MOST = 2;

/** What a job knows of itself, by its id token. */
export interface OwnPipeline {
  /** Its records are those that its own jobs have stored. */
  readonly id: string;
  /** Gets a line, without a full stop, about a record that is ignored. */
  readonly warn: (line: string) => void;
}

/**
 * Records in the generic package registry of the project, the only storage that jobs of a pipeline share without
 * another server: a file per session, of which GitLab keeps all versions and returns the newest, and a file per report.
 * Everyone who can read packages of the project can read them, so they contain no secrets.
 */
export class GitlabPackagesRendezvous implements Rendezvous {
  readonly kind = 'gitlab-packages';
  readonly isAddressGiven = false;
  readonly isAcrossMachines = true;
  readonly isShared = true;
  private readonly known = new Map<string, RendezvousReport>();
  /** Texts of records that are not another pipeline's. */
  private readonly proven = new Set<string>();
  private readonly said = new Set<string>();

  /** @param own null: whoever may store packages of the project is trusted */
  constructor(
    private readonly registry: PackageRegistry,
    private readonly timing: Pick<Timing, 'now'> = REAL_TIME,
    private readonly own: OwnPipeline | null = null,
  ) {}

  async find(sessionId: string): Promise<RendezvousRecord | null> {
    for (let left = REPLACED_AT_MOST; ; left--) {
      const text = await this.download(sessionId, 'retry');
      if (text === null) return null;
      const provenance = await this.provenanceOf(sessionId, text);
      if (provenance === 'replaced' && left > 0) continue;
      if (provenance !== 'own') return null;
      const record = this.parsed(sessionId, text);
      return record.expiresAtMs > this.timing.now() ? record : null;
    }
  }

  async publish(record: RendezvousRecord): Promise<void> {
    const { sessionId } = record;
    const version = versionOf(checked(sessionId));
    const [file, body] = [recordFile(sessionId), `${JSON.stringify(record)}\n`];
    if (await this.registry.upload(version, file, body)) return;
    if ((await this.deleteFiles(version, file)) && (await this.registry.upload(version, file, body))) return;
    throw new DteError(
      'DTE_RENDEZVOUS_REFUSED',
      `The group of this project rejects duplicate generic packages, and this job cannot delete the earlier ${file} of ${PACKAGE_NAME} ${version}; add an exception for ${PACKAGE_NAME} (Settings > Packages and registries > Duplicate packages > Generic).`,
    );
  }

  async withdraw(sessionId: string, generation: string): Promise<void> {
    await this.replace(sessionId, generation, { expiresAtMs: TAKEN_BACK_MS });
  }

  async finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void> {
    await this.replace(sessionId, generation, { expiresAtMs, state: 'finished' });
  }

  async report(sessionId: string, generation: string, report: RendezvousReport): Promise<void> {
    const file = reportFile(checked(sessionId), generation, report);
    // False: there is an earlier one that cannot be replaced, and it differs only in the time.
    await this.registry.upload(versionOf(sessionId), file, `${JSON.stringify(report)}\n`);
  }

  async reports(sessionId: string, generation: string): Promise<readonly RendezvousReport[]> {
    const version = versionOf(checked(sessionId));
    const newest = new Map<string, number>();
    for (const { id, file_name } of await this.filesOf(version)) {
      if (isReportFile(file_name, sessionId, generation))
        newest.set(file_name, Math.max(id, newest.get(file_name) ?? 0));
    }
    const names = [...newest].slice(0, LIMITS.rendezvousReports.value);
    const found = await Promise.all(names.map(([name, id]) => this.readReport(version, name, id)));
    return found.filter((report) => report !== null);
  }

  async tidy(): Promise<void> {
    const beforeMs = this.timing.now() - LIMITS.rendezvousKeepMs.value;
    try {
      const old = (await this.registry.packages('oldest first')).filter(
        ({ name, created_at }) => name === PACKAGE_NAME && created_at < beforeMs,
      );
      for (const { id } of old.slice(0, LIMITS.rendezvousTidies.value))
        if (!(await this.registry.deletePackage(id))) return;
    } catch {
      // Another main job will do it: nothing depends on it.
    }
  }

  /** Overwrites the record if it still has that generation. */
  private async replace(
    sessionId: string,
    generation: string,
    fields: Pick<RendezvousRecord, 'expiresAtMs' | 'state'>,
  ): Promise<void> {
    const record = await this.read(sessionId, 'retry').catch(ignoreNonsense);
    if (record?.generation === generation && record.expiresAtMs !== TAKEN_BACK_MS)
      await this.publish({ ...record, ...fields });
  }

  private async read(sessionId: string, patience: Patience): Promise<RendezvousRecord | null> {
    const text = await this.download(sessionId, patience);
    return text === null ? null : this.parsed(sessionId, text);
  }

  private download(sessionId: string, patience: Patience): Promise<string | null> {
    return this.registry.download(versionOf(checked(sessionId)), recordFile(sessionId), patience);
  }

  /** Only of a session of the own pipeline: it has no others where id tokens decide. What is unknown counts as own. */
  private async provenanceOf(sessionId: string, text: string): Promise<'own' | 'foreign' | 'replaced'> {
    const version = versionOf(sessionId);
    if (this.own === null || version !== versionOf(`0-${this.own.id}`)) return 'own';
    if (this.proven.has(text)) return 'own';
    const name = recordFile(sessionId);
    const provenance = await provenanceOf(this.registry, { version, name, text }, this.own.id);
    if (provenance === 'own' || provenance === 'unknown') {
      this.proven.add(text);
      return 'own';
    }
    if (provenance === 'replaced') return provenance;
    // It is asked again: a copy of the same bytes may follow. Said once.
    if (!this.said.has(text))
      this.own.warn(
        `the address of a coordinator in ${name} (package ${PACKAGE_NAME} ${version}) is ignored: GitLab does not say that a job of pipeline ${this.own.id} has stored it`,
      );
    this.said.add(text);
    return 'foreign';
  }

  private parsed(sessionId: string, text: string): RendezvousRecord {
    const [version, file] = [versionOf(sessionId), recordFile(sessionId)];
    const record = rendezvousRecordSchema.safeParse(parseJson(text));
    if (record.success && record.data.sessionId === sessionId) return record.data;
    throw new DteError(
      'DTE_BAD_CONFIG',
      `${file} in the package ${PACKAGE_NAME} ${version} of this project is not the address of a coordinator; delete that package.`,
    );
  }

  /** A report is downloaded only once, because main jobs poll every few seconds. */
  private async readReport(version: string, name: string, id: number): Promise<RendezvousReport | null> {
    const key = `${version}/${name}/${id}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const text = await this.registry.download(version, name, 'once');
    const report = rendezvousReportSchema.safeParse(parseJson(text ?? ''));
    if (!report.success) return null;
    this.known.set(key, report.data);
    return report.data;
  }

  private async packageOf(version: string): Promise<number | null> {
    const found = await this.registry.packages('newest first', version);
    return found.find((each) => each.name === PACKAGE_NAME && each.version === version)?.id ?? null;
  }

  private async filesOf(version: string): Promise<readonly { id: number; file_name: string }[]> {
    const id = await this.packageOf(version);
    return id === null ? [] : this.registry.files(id);
  }

  private async deleteFiles(version: string, file: string): Promise<boolean> {
    const packageId = await this.packageOf(version);
    if (packageId === null) return false;
    const files = (await this.registry.files(packageId)).filter(({ file_name }) => file_name === file);
    for (const { id } of files) if (!(await this.registry.deleteFile(packageId, id))) return false;
    return true;
  }
}

function checked(sessionId: string): string {
  if (sessionIdSchema.safeParse(sessionId).success) return sessionId;
  throw new DteError('DTE_INVALID_ID', `"${sessionId}" cannot be the id of a session.`);
}

function ignoreNonsense(thrown: unknown): null {
  if (thrown instanceof DteError && thrown.code === 'DTE_BAD_CONFIG') return null;
  throw thrown;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
