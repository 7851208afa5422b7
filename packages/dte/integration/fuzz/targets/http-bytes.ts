import { HTTP } from '@org/dte-protocol';
import { brokenBytes, randomBytes, TRAVERSALS } from '../hostile';
import { LiveCoordinator, UNFORESEEN } from '../live-coordinator';
import { sendRaw } from '../raw-request';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const METHODS = [
  'GET',
  'PUT',
  'POST',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'CONNECT',
  'TRACE',
  'PRI',
  'get',
  'G ET',
  '\0',
  '',
];
const PATHS = [
  HTTP.health,
  HTTP.connect,
  HTTP.cache('h1'),
  HTTP.terminal('h1'),
  HTTP.attempt('r1', 'a:b', 1),
  HTTP.runs,
  HTTP.run('r1'),
  HTTP.runEnv('r1'),
  HTTP.cacheQuestion,
  HTTP.sessionSettings,
  HTTP.sessionComplete,
  HTTP.sessionStatus,
  HTTP.records,
  HTTP.reportEvents,
  HTTP.viewLink,
  HTTP.sessionModel('live'),
  `${HTTP.sessionEvents('live')}?after=0`,
  `${HTTP.sessionOutput('live')}?run=r1&task=a%3Ab`,
  '/ui/',
  '/ui/live',
  '/ui/live/',
  '/ui/live/open',
  '/ui/live/enter',
  '/ui/live/sign-in',
  '/ui/callback?state=a&code=b',
  HTTP.check(HTTP.cache('h1')),
];
const ODD_PATHS = [
  '*',
  '//',
  '/%',
  '/%ff%fe',
  '/v1/cache/%zz',
  'http://elsewhere.example/v1/health',
  `/${'a/'.repeat(3_000)}`,
  `/v1/cache/${'%2e'.repeat(400)}`,
  '/v1/cache/h1?%00=\u00ff&__proto__[x]=1',
  `/?${'a=1&'.repeat(2_000)}`,
  '/v1/cache/h1#x',
  '/v1/\u0000',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'ICY', ''];
const HEADERS = [
  'host: x',
  'host:',
  'connection: close',
  'connection: keep-alive, upgrade',
  'upgrade: websocket',
  'upgrade: h2c',
  'expect: 100-continue',
  'expect: nothing',
  'content-length: 3',
  'content-length: -1',
  'content-length: 99999999999999999999',
  'content-length: 0x10',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: identity',
  'content-type: application/json',
  'content-encoding: gzip',
  'accept-encoding: gzip',
  'authorization: Bearer',
  'authorization: Bearer a.b',
  'authorization: Bearer .',
  `authorization: Bearer ${'a'.repeat(1_024)}`,
  'authorization: Basic YTpi',
  'repr-digest: sha-256=:abc=:',
  'x-forwarded-for: 127.0.0.1',
  'forwarded: for="[::1]"',
  'sec-websocket-version: 13',
  'sec-websocket-version: 99',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-key: short',
  'sec-websocket-extensions: permessage-deflate; client_max_window_bits=99',
  'sec-websocket-protocol: a, b, a',
  'origin: http://evil.example',
  'origin: null',
  'sec-fetch-site: cross-site',
  'cookie: dte_viewer=a.b',
  'cookie: dte_viewer=; dte_viewer==;;=; dte_sign_in=a~b~c~d',
  `cookie: ${'a=b; '.repeat(2_000)}`,
  'last-event-id: 99999999999999999999',
  ' folded: yes',
  'no colon',
  ': no name',
  'bad\0name: x',
  `x-long: ${'y'.repeat(20_000)}`,
];
const CHUNKS = [
  '3\r\nabc\r\n0\r\n\r\n',
  'ffffffffffffffff\r\nabc\r\n',
  '-1\r\nabc\r\n0\r\n\r\n',
  '3;ext="x"\r\nabc\r\n0\r\ntrailer: x\r\n\r\n',
  `3;${'e'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`,
  'x\r\nabc\r\n0\r\n\r\n',
  '3\nabc\n0\n\n',
  '0\r\n\r\nGET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n',
];

function pathOf(random: Random): string {
  if (random.chance(0.6)) return random.pick(PATHS);
  if (random.chance(0.5)) return random.pick(ODD_PATHS);
  return `/v1/cache/${random.pick([encodeURIComponent, encodeURI, String])(random.pick(TRAVERSALS))}`;
}

function bodyOf(random: Random): string {
  if (random.chance(0.4)) return random.pick(CHUNKS);
  return random.pick(['', 'abc', '{"hashes":["h1"]}', '{"token":"a.b"}', '{', 'x'.repeat(70_000)]);
}

function requestOf(random: Random): Buffer {
  const end = random.chance(0.9) ? '\r\n' : random.pick(['\n', '\r', '\r\n\r\n', '\r\r\n']);
  const count = random.int(0, 6);
  const headers = Array.from({ length: count }, () => random.pick(HEADERS));
  if (random.chance(0.02)) headers.push(...Array.from({ length: 3_000 }, (_, index) => `x-${index}: y`));
  if (random.chance(0.7)) headers.unshift('host: x');
  const line = `${random.pick(METHODS)} ${pathOf(random)} ${random.chance(0.8) ? 'HTTP/1.1' : random.pick(VERSIONS)}`;
  return Buffer.from(`${[line, ...headers, '', ''].join(end)}${bodyOf(random)}`, 'latin1');
}

function bytesOf(random: Random): Buffer[] {
  const kind = random.next();
  if (kind < 0.05) return [randomBytes(random, 2_000)];
  const request = requestOf(random);
  if (kind < 0.65) return [request];
  if (kind < 0.8) return [brokenBytes(random, request)];
  if (kind < 0.9) return [request, requestOf(random)];
  const at = random.int(0, request.length);
  return [request.subarray(0, at), request.subarray(at)];
}

async function attempt(port: number, random: Random, note: Note): Promise<void> {
  const bytes = bytesOf(random);
  note(Buffer.concat(bytes));
  const heard = await sendRaw(port, bytes);
  mustHold(heard === '' || heard.startsWith('HTTP/1.1 '), () => `This is no answer: ${heard.slice(0, 200)}`);
  mustHold(
    !/^HTTP\/1\.1 500/m.test(heard) && !heard.includes(UNFORESEEN),
    () => `Answered: ${heard.slice(0, 1_000)}`,
  );
}

/** Request lines, paths, headers and bodies that a coordinator's socket gets from somebody without any token. */
export const httpBytes: Target = {
  name: 'http-bytes',
  share: 60,
  caseMs: 60_000,
  async open(folder): Promise<Running> {
    const coordinator = await LiveCoordinator.start(folder);
    return {
      attempt: (random, note) => attempt(coordinator.port, random, note),
      check: () => coordinator.check(),
      close: () => coordinator.close(),
    };
  },
};
