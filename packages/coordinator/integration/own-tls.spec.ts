import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { HTTP } from '@org/dte-protocol';
import { RawClient, selfSignedCertificate, type TestCertificate, waitFor } from '@org/dte-testing';
import { pino } from 'pino';
import { type Coordinator, createCoordinator } from '../src';
import { Harness } from './support/harness';

/** A unit. */
const DAY_MS = 86_400_000;

const made = [
  selfSignedCertificate({ days: 30 }),
  selfSignedCertificate({ days: 30 }),
  // By the clock of the coordinators here.
  selfSignedCertificate({ days: 1 }),
] as const;
const itWithOpenssl = made.includes(null) ? it.skip : it;
const [first, second, expired] = made as unknown as [TestCertificate, TestCertificate, TestCertificate];

let folder: string;
let harness: Harness;
let lines: string[];
const now = () => Date.now() + 2 * DAY_MS;
const paths = () => ({ cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') });

/** As whoever renews a certificate does it: each file at once, one after the other. */
function put({ cert, key }: Partial<TestCertificate>): void {
  for (const [path, text] of [
    [paths().cert, cert],
    [paths().key, key],
  ] as const) {
    if (text === undefined) continue;
    writeFileSync(`${path}.next`, text);
    renameSync(`${path}.next`, path);
  }
}

async function start(options: Parameters<typeof Harness.start>[0] = {}): Promise<void> {
  lines = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  harness = await Harness.start({ tlsFiles: paths(), logger, now, limits: { tlsReloadMs: 20 }, ...options });
}

const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls;
beforeEach(async () => {
  // As --tls-min-v1.0 and --tls-cipher-list in NODE_OPTIONS do: whoever states no version gets an old one.
  Object.assign(tls, { DEFAULT_MIN_VERSION: 'TLSv1', DEFAULT_CIPHERS: 'DEFAULT@SECLEVEL=0' });
  folder = await mkdtemp(join(tmpdir(), 'dte-own-tls-'));
});
afterEach(async () => {
  Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS });
  await harness.cleanUp();
  await rm(folder, { recursive: true });
});

/** A TLS connection whose certificate was verified. */
async function open(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(harness.url).port), ...options });
  await once(socket, 'secureConnect');
  return socket;
}
const logged = (text: string) => waitFor(text, () => lines.some((line) => line.includes(text)));

describe('a coordinator with a certificate of its own', () => {
  itWithOpenssl(
    'serves clients that verify it, WebSocket and HTTP, with proofs bound to the connection',
    async () => {
      put(first);
      await start({ secret: 'shared' });
      expect(harness.url).toMatch(/^https:/);
      (await open({ ca: first.cert })).destroy();
      await expect(open({})).rejects.toThrow(/self-signed/);
      const main = await harness.main();
      expect(main.received.map(({ type }) => type)).toContain('welcome');
      expect(await harness.putCache(main, 'abc', 'bytes')).toBe(200);
      // The same hello with a proof that is not bound: somebody in between.
      const unbound = await harness.connect({ clientId: 'other', channelBinding: 'none' });
      expect(unbound.received.at(-1)).toMatchObject({ type: 'error', reason: { code: 'DTE_BAD_SECRET' } });
    },
  );

  itWithOpenssl(
    'speaks TLS 1.2 for HTTP and nothing older, and 1.3 for the connections of jobs',
    async () => {
      put(first);
      await start();
      const ca = first.cert;
      const agent = new Agent({ maxVersion: 'TLSv1.2', ca });
      const [answer] = (await once(request(`${harness.url}${HTTP.health}`, { agent }).end(), 'response')) as [
        { statusCode: number },
      ];
      expect(answer.statusCode).toBe(200);
      agent.destroy();
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      await expect(open({ ca, ...old })).rejects.toThrow(
        /protocol version|unsupported protocol|wrong version/i,
      );
      const client = RawClient.connect(harness.url, { maxVersion: 'TLSv1.2' });
      await expect(client).resolves.toMatchObject({ closed: { code: 1006 } });
      (await RawClient.connect(harness.url)).socket.terminate();
    },
  );

  itWithOpenssl('uses a renewed pair for new connections, and keeps the open ones', async () => {
    put(first);
    await start();
    const before = await open({ ca: first.cert });
    const member = await harness.agent('agent 1');
    put(second);
    await logged('new TLS certificate in use');
    (await open({ ca: second.cert })).destroy();
    await expect(open({ ca: first.cert })).rejects.toThrow(/self-signed/);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(open({ ca: second.cert, ...old })).rejects.toThrow();
    before.write(`GET ${HTTP.health} HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(String((await once(before, 'data'))[0])).toContain('200 OK');
    before.destroy();
    expect(member.closed).toBeNull();
  });

  itWithOpenssl.each([
    ['has the key of another', () => ({ key: second.key }), 'the key is not that of the certificate'],
    ['is no PEM', () => ({ cert: 'nothing' }), 'cannot be used'],
    ['has expired', () => expired, 'the certificate has expired'],
  ] as const)(
    'keeps the pair of before if a new one %s, says so once, and takes the next',
    async (_, bad, why) => {
      put(first);
      await start();
      put(bad());
      await logged(why);
      (await open({ ca: first.cert })).destroy();
      put(second);
      await logged('new TLS certificate in use');
      expect(lines.filter((line) => line.includes(why))).toHaveLength(1);
      expect(lines.join('')).not.toMatch(/PRIVATE KEY|MIG[A-Za-z0-9+/]{20}/);
      (await open({ ca: second.cert })).destroy();
    },
  );

  itWithOpenssl('says how long its certificate is still valid when that is not long', async () => {
    put(first);
    await start({ now: () => Date.now() + 20 * DAY_MS });
    await logged('the TLS certificate expires soon');
  });

  itWithOpenssl.each([
    ['has expired', () => expired, /has expired/],
    ['does not belong together', () => ({ cert: first.cert, key: second.key }), /key is not that of/],
    ['does not exist', () => ({}), /ENOENT/],
  ] as const)('does not start with a pair that %s', async (_, pair, why) => {
    put(first);
    await start();
    const dataDir = await mkdtemp(join(folder, 'other-'));
    const { cert, key } = { cert: join(folder, 'bad.crt'), key: join(folder, 'bad.key') };
    const bad: Partial<TestCertificate> = pair();
    if (bad.cert !== undefined) writeFileSync(cert, bad.cert);
    if (bad.key !== undefined) writeFileSync(key, bad.key);
    const starting: Promise<Coordinator> = createCoordinator({ dataDir, now, tlsFiles: { cert, key } });
    await expect(starting).rejects.toMatchObject({
      code: 'DTE_BAD_CONFIG',
      message: expect.stringMatching(why) as string,
    });
    // Nothing of it holds the folder.
    await (await createCoordinator({ dataDir })).close();
  });
});
