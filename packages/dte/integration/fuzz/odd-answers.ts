import { gzipSync } from 'node:zlib';
import { httpAnswer } from './answering-server';
import { brokenBytes, randomBytes } from './hostile';
import type { Random } from './target';

const STATUSES = [
  200,
  200,
  200,
  201,
  204,
  206,
  301,
  302,
  304,
  308,
  400,
  401,
  403,
  404,
  409,
  429,
  500,
  503,
  999,
  100,
  '0',
  'abc',
  '-1',
];
const HEADERS = [
  'content-length: 3',
  'content-length: 99999999',
  'content-length: -1',
  'transfer-encoding: chunked',
  'content-type: application/json',
  'content-encoding: gzip',
  'content-encoding: nothing',
  'location: /elsewhere',
  'location: http://127.0.0.1:1/',
  'location: file:///etc/passwd',
  'location: \\\\x',
  'location: http://[',
  'retry-after: 0',
  'retry-after: -5',
  'retry-after: tomorrow',
  'x-next-page: 2',
  'repr-digest: sha-256=:AAAA:',
  'repr-digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:',
  'x-dte-error: DTE_UNKNOWN_HASH',
  'x-dte-error: DTE_TOO_MANY',
  'x-dte-error: __proto__',
  'etag: "x"',
  `x-long: ${'y'.repeat(20_000)}`,
  'bad\0header: x',
];

/** A body as an answer that is right, or nearly. */
export function oddAnswer(random: Random, text: string): Buffer {
  const kind = random.next();
  if (kind < 0.04) return randomBytes(random, 300);
  const plain = Buffer.from(text);
  const isGzip = random.chance(0.05);
  const headers = Array.from({ length: random.chance(0.6) ? 0 : random.int(1, 3) }, () =>
    random.pick(HEADERS),
  );
  const answer = httpAnswer({
    status: random.chance(0.7) ? 200 : random.pick(STATUSES),
    headers: isGzip ? [...headers, 'content-encoding: gzip'] : headers,
    body: isGzip ? gzipSync(plain, { level: 1 }) : plain,
  });
  return kind < 0.15 ? brokenBytes(random, answer) : answer;
}
