import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { jsonOf } from '../report/report-json';
import type { SessionRegistry } from '../session/registry';

/** Reports of sessions that are over, which are kept as text. No limit: about 400 kB for 10,000 tasks, and the rest is read again. */
const MOST_KEPT = 16;
/** As in report-text.ts. */
const LEVEL = 1;

/** The report of a session that is not in memory. */
export interface StoredText {
  readonly seq: number;
  /** `{seq, model}` as JSON. */
  readonly zipped: Buffer;
}

/** Reads the reports of sessions that are over, each once: their pages may stay open for hours. */
export class StoredReports {
  private readonly kept = new Map<string, StoredText & { readonly version: number }>();

  constructor(private readonly registry: SessionRegistry) {}

  /** Null if none is stored. */
  async of(sessionId: string): Promise<StoredText | null> {
    const version = await this.registry.storedReportVersion(sessionId);
    const known = this.kept.get(sessionId);
    this.kept.delete(sessionId);
    if (version === null) return null;
    const found = known?.version === version ? known : await this.read(sessionId, version);
    if (found === null) return null;
    this.kept.set(sessionId, found);
    for (const oldest of this.kept.keys()) if (this.kept.size > MOST_KEPT) this.kept.delete(oldest);
    return found;
  }

  private async read(sessionId: string, version: number): Promise<(StoredText & { version: number }) | null> {
    const stored = await this.registry.storedReport(sessionId);
    if (stored === null) return null;
    const { json } = await jsonOf(stored);
    return { seq: stored.seq, version, zipped: await promisify(gzip)(json, { level: LEVEL }) };
  }
}
