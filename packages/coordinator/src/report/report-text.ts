import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { LIMITS } from '@org/dte-protocol';
import { jsonOf, type ReportNow } from './report-json';

/** Compression level: a tenth of the size already, and higher ones take longer than most networks. No limit. */
const LEVEL = 1;
/** At most this part of the time is spent on the JSON of one report. No limit: it is the meaning of `reportCacheMs`. */
const SHARE = 20;

interface Made {
  readonly zipped: Promise<Buffer>;
  /** Infinite until it is made. */
  untilMs: number;
}

/** What a text is made of. */
interface Source {
  /** See `SessionReport.still`. */
  still<T>(action: (now: ReportNow) => Promise<T>): Promise<T>;
}

/** The JSON of reports, gzipped, made once for all who ask at about the same time. */
export class ReportText {
  private readonly made = new WeakMap<object, Made>();

  of(report: Source): Promise<Buffer> {
    const known = this.made.get(report);
    if (known !== undefined && performance.now() < known.untilMs) return known.zipped;
    const making = report.still(jsonOf);
    const made: Made = {
      untilMs: Infinity,
      zipped: making.then(({ json }) => promisify(gzip)(json, { level: LEVEL })),
    };
    this.made.set(report, made);
    making.then(
      ({ workMs }) =>
        (made.untilMs = performance.now() + Math.max(LIMITS.reportCacheMs.value, workMs * SHARE)),
      () => this.made.delete(report),
    );
    return made.zipped;
  }
}
