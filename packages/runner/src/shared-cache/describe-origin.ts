import { duration, plural, printable, type CacheOrigin } from '@org/dte-protocol';
import { originText } from '@org/dte-report';

/** Characters of an origin that are shown: a line of a log. Another pipeline has written its parts. */
const ORIGIN_CHARS = 512;

/** `trusted: pipeline 4711, job 12, commit 1a2b3c4d, agent-2, 3 h 2 min ago`. */
export const describeOrigin = (origin: CacheOrigin, nowMs: number): string =>
  `${printable(originText(origin), ORIGIN_CHARS)}, ${duration(nowMs - origin.atMs)} ago`;

/** `12 results from other pipelines: 9 from trusted, 3 from earlier pipelines of this ref`. */
export function originSummary(origins: readonly CacheOrigin[]): string {
  const trusted = origins.filter(({ scope }) => scope === 'trusted').length;
  const own = origins.length - trusted;
  const parts = [
    ...(trusted === 0 ? [] : [`${trusted} from trusted`]),
    ...(own === 0 ? [] : [`${own} from earlier pipelines of this ref`]),
  ];
  return `${plural(origins.length, 'result')} from other pipelines: ${parts.join(', ')}`;
}
