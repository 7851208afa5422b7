import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { LIMITS } from '@org/dte-protocol';
import type { ReportNow } from './session-report';

/** Compression level: a tenth of the size already, and higher ones take longer than most networks. No limit. */
const LEVEL = 1;
/** At most this part of the time is spent on the JSON of one report. No limit: it is the meaning of `reportCacheMs`. */
const SHARE = 20;

interface Made {
  readonly zipped: Promise<Buffer>;
  readonly untilMs: number;
}

/** The JSON of reports, gzipped, made once for all who ask at about the same time. */
export class ReportText {
  private readonly made = new WeakMap<object, Made>();

  /** @param report whose text it is; what it is now is `now` */
  of(report: { readonly now: ReportNow }): Promise<Buffer> {
    const known = this.made.get(report);
    if (known !== undefined && performance.now() < known.untilMs) return known.zipped;
    const startedMs = performance.now();
    const text = JSON.stringify(report.now);
    const tookMs = performance.now() - startedMs;
    const zipped = promisify(gzip)(text, { level: LEVEL });
    const untilMs = performance.now() + Math.max(LIMITS.reportCacheMs.value, tookMs * SHARE);
    this.made.set(report, { zipped, untilMs });
    return zipped;
  }
}
