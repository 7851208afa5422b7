import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { cacheAccessOf, openBucket, type SharedCache } from '@org/dte-cache';
import { httpClient } from '@org/dte-client';
import { type Coordinator, createCoordinator } from '@org/dte-coordinator';
import { readOwnIdToken } from '@org/dte-identity';
import { readLimits } from '@org/dte-protocol';
import {
  exampleHello,
  type FakeGitlab,
  httpCall,
  RawClient,
  REPOSITORY,
  RunningProcess,
  startFakeGitlab,
  tempFolders,
  TEST_COMMIT,
} from '@org/dte-testing';

/** What direct.ts has: how long an agent waits for a bucket at most, and how many of its failures it needs. */
const ANSWER_MS = 10_000;
/** For everything else in a test, on a busy machine. */
const SLACK_MS = 30_000;
jest.setTimeout(2 * (ANSWER_MS + SLACK_MS));

const BUCKET = 'ci-cache';
/** Of s3rver. */
const KEY = 'S3RVER';
const HASHES = ['a', 'b', 'c', 'd', 'e'];
/** Too large for a reader's memory. */
const contentOf = (hash: string): Buffer => Buffer.alloc(3_000_000, `outputs of ${hash} `);

const folder = tempFolders();
let gitlab: FakeGitlab;
let bucket: RunningProcess;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [{ id: 42 }] });
});
afterAll(() => gitlab.close());

const bucketPort = (): number => Number(/listening on (\d+)/.exec(bucket.output())?.[1]);
const presigned = (requests: readonly string[]): string[] =>
  requests.filter((request) => request.includes('X-Amz-Signature'));
async function bucketRequests(): Promise<string[]> {
  const { text } = await httpCall(`http://127.0.0.1:${bucketPort()}`, { path: '/served' });
  return text.split('\n').filter(Boolean);
}

/** What is at the address of the bucket for whoever has no proxy: nothing, or something that accepts and is silent. */
class Front {
  private readonly sockets: Socket[] = [];
  private readonly server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    this.sockets.push(socket);
  });
  /** Connections so far. */
  get tried(): number {
    return this.sockets.length;
  }
  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}

describe('a bucket that the coordinator reaches through its proxy, and agents do not', () => {
  let front: Front;
  let store: SharedCache;
  let coordinator: Coordinator;
  let agent: RawClient;
  beforeEach(async () => {
    const served = folder();
    mkdirSync(join(served, BUCKET), { recursive: true });
    bucket = new RunningProcess({
      name: 's3',
      command: process.execPath,
      args: [
        '--openssl-legacy-provider',
        join(REPOSITORY, 'packages/cache/integration/s3-server.cjs'),
        served,
        BUCKET,
        'obeys',
      ],
      cwd: REPOSITORY,
      env: process.env,
    });
    await bucket.waitForOutput(/listening on \d+/);
    front = new Front();
    const port = await front.listen();
    store = openBucket(
      {
        s3Bucket: BUCKET,
        s3Prefix: 'dte',
        s3Endpoint: `http://127.0.0.1:${port}`,
        s3AccessKeyId: KEY,
        s3SecretAccessKey: KEY,
      },
      {
        authorities: [],
        workspaceRoot: REPOSITORY,
        throughProxy: async () => {
          const socket = connect(bucketPort(), '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        },
      },
    );
    const idToken = gitlab.idToken({
      project_id: '42',
      pipeline_id: '1001',
      job_id: '7',
      sha: TEST_COMMIT,
    });
    const { issuer, projectId, write: scope } = cacheAccessOf(readOwnIdToken(idToken));
    for (const hash of HASHES) await putInto(store, { issuer, projectId, scope }, hash);
    coordinator = await createCoordinator({
      dataDir: folder(),
      limits: readLimits({}).limits,
      idTokens: { issuers: [gitlab.issuer], audience: 'dte' },
      sharedCache: store,
    });
    agent = await RawClient.hello(coordinator.url, exampleHello({ idToken, sessionId: '42-1001' }));
  });
  afterEach(async () => {
    agent.socket.terminate();
    await coordinator.close();
    await front.close();
    bucket.signal('SIGKILL');
    await bucket.end();
  });

  /** As one agent: the first results at the same time, then the last one. */
  async function readAll(): Promise<{ notes: string[]; firstMs: number; lastMs: number }> {
    const notes: string[] = [];
    const client = httpClient({
      url: coordinator.url,
      token: () => agent.token,
      limits: readLimits({}).limits,
      note: (line) => void notes.push(line),
    });
    const read = async (hashes: readonly string[]): Promise<number> => {
      const beginMs = Date.now();
      const found = await Promise.all(hashes.map(async (hash) => buffer(await client.getCached(hash))));
      for (const [index, hash] of hashes.entries()) expect(found[index]?.equals(contentOf(hash))).toBe(true);
      return Date.now() - beginMs;
    };
    try {
      const firstMs = await read(HASHES.slice(0, -1));
      return { notes, firstMs, lastMs: await read(HASHES.slice(-1)) };
    } finally {
      client.close();
    }
  }

  async function expectAllFromTheCoordinator(why: string): Promise<void> {
    const { notes, firstMs, lastMs } = await readAll();
    expect(notes).toEqual([
      expect.stringMatching(
        new RegExp(`^dte: artifacts cannot be read from 127\\.0\\.0\\.1:\\d+ directly \\(.*${why}`),
      ),
    ]);
    expect(notes.join()).not.toContain('X-Amz');
    expect(firstMs).toBeLessThan(ANSWER_MS + SLACK_MS);
    // Not tried any more.
    expect(lastMs).toBeLessThan(ANSWER_MS);
    const requests = await bucketRequests();
    expect(presigned(requests)).toEqual([]);
    for (const hash of HASHES)
      expect(requests).toContainEqual(expect.stringMatching(new RegExp(`^GET /.*/${hash}/`)));
  }

  it('is no trouble for an agent that is refused there', async () => {
    await front.close();
    await expectAllFromTheCoordinator('ECONNREFUSED');
  });

  it('is no trouble for an agent that gets no answer there, which it awaits only a few times', async () => {
    await expectAllFromTheCoordinator(`no answer within ${ANSWER_MS} ms`);
    // Not once more for the last one.
    expect(front.tried).toBe(HASHES.length - 1);
  });
});

async function putInto(
  store: SharedCache,
  area: Parameters<SharedCache['write']>[0],
  hash: string,
): Promise<void> {
  const content = contentOf(hash);
  const made = { jobId: '9', commit: TEST_COMMIT, ref: 'main', agent: 'nx-agent 1/3' };
  const entry = {
    kind: 'cache' as const,
    hash,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    origin: { ...made, pipelineId: '900', taskId: 'app:build', atMs: 1 },
  };
  await store.write(area, entry, () => Readable.from([content]), new AbortController().signal);
}
