import { randomBytes } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { HTTP } from '@org/dte-protocol';
import { FakeCoordinator, sendArtifact, TcpProxy, testLimits } from '@org/dte-testing';
import { type HttpClient, httpClient } from '../src';

/** What kernels buffer is several times as much as the link carries within `IDLE_MS`: for longer than that, nothing seems to move. */
const ARTIFACT = randomBytes(6_000_000);
const BYTES_PER_SECOND = 600_000;
const IDLE_MS = 2_000;
/** Longer than any of these tests may take on any machine. */
const FOR_EVER_MS = 600_000;

describe('on a link that is slow for the size of an artifact', () => {
  let server: FakeCoordinator;
  let proxy: TcpProxy;
  let slow: Promise<void>;
  let client: HttpClient;
  let requests: string[];

  beforeEach(async () => {
    requests = [];
    server = await FakeCoordinator.start();
    proxy = await TcpProxy.open(() => Number(new URL(server.url).port));
    slow = proxy.slow(BYTES_PER_SECOND, FOR_EVER_MS);
    client = httpClient({
      url: proxy.url,
      token: () => 'token',
      limits: testLimits({ httpRequestMs: IDLE_MS }),
    });
  });

  afterEach(async () => {
    client.close();
    await proxy.close();
    await slow;
    await server.close();
  });

  const note = ({ method, url }: IncomingMessage): void => void requests.push(`${method} ${url}`);

  it('an upload is sent once, and is not cut while the coordinator receives it', async () => {
    server.handler = (request, response) => {
      note(request);
      if (request.url === HTTP.health) response.end('{"ok":true}');
      else void buffer(request).then((body) => response.end(void server.stored.set('42', body)));
    };
    const pieces = function* (): Generator<Buffer> {
      for (let at = 0; at < ARTIFACT.length; at += 65_536) yield ARTIFACT.subarray(at, at + 65_536);
    };
    const of = { runId: 'r', taskId: 'a:b', attempt: 1 };
    expect(await client.putAttempt(of, () => Readable.from(pieces()))).toBe('stored');
    expect(server.stored.get('42')?.equals(ARTIFACT)).toBe(true);
    expect(requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1);
    // It was silent for longer than IDLE_MS, or nothing would have been tested.
    expect(requests).toContain(`GET ${HTTP.health}`);
  });

  it('a download is received once', async () => {
    server.handler = (request, response) => {
      note(request);
      sendArtifact(response, ARTIFACT);
    };
    expect((await buffer(await client.getCached('42'))).equals(ARTIFACT)).toBe(true);
    expect(requests).toEqual([`GET ${HTTP.cache('42')}`]);
  });
});
