import { readdirSync, rmSync, truncateSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { HTTP } from '@org/dte-protocol';
import { type FakeGitlab, httpCall, type RawClient, startFakeGitlab, waitFor } from '@org/dte-testing';
import { large, sha256Of, World } from './direct-upload-world';

jest.setTimeout(60_000);

let gitlab: FakeGitlab;
let world: World;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [{ id: 42 }] });
});
afterAll(() => gitlab.close());
afterEach(() => world.close());

/** What all messages about one artifact may have; the artifact itself is larger. */
const MESSAGES_BYTES = 100_000;
const published = (hash: string) => waitFor(`the entry of ${hash}`, () => world.entry(hash));
/** The files of an entry, not packed. */
const got = async (reader: RawClient, hash: string): Promise<Buffer> =>
  gunzipSync(await buffer(await world.http(reader).getCached(hash)));
/** Objects that jobs have put into the bucket and that are no entries. */
const staged = (): string[] =>
  readdirSync(world.bucketFolder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^dte\/staged\/.*_object$/.test(path),
  );

/** What is accepted before this is stored before it. */
async function whenAllPublished(): Promise<void> {
  const agent = await world.begin('last');
  await world.store(agent, 'last', Buffer.from('small'));
  world.report(agent, 'last');
  await published('last');
}

describe('an agent of a standalone coordinator with a bucket', () => {
  beforeEach(async () => {
    world = await new World(gitlab).open();
  });

  it('puts a large artifact there, where the main job and later pipelines get it: no byte passes the coordinator', async () => {
    const content = large();
    const agent = await world.begin('h');
    expect(await world.store(agent, 'h', content)).toBe(true);
    expect(await world.direct()).toHaveLength(1);
    expect(await world.entry('h')).toBeNull();
    expect((await got(world.main, 'h')).includes(content)).toBe(true);
    world.report(agent, 'h');
    await world.whenFinished();
    const entry = await published('h');
    expect(entry.origin).toMatchObject({ pipelineId: '1001', agent: 'nx-agent-1', taskId: 'app:build' });
    const copy = await buffer((await world.bucketStore.read(world.area, entry, AbortSignal.timeout(5_000)))!);
    expect(sha256Of(copy)).toBe(Buffer.from(entry.sha256, 'hex').toString('base64'));
    expect(gunzipSync(copy).includes(content)).toBe(true);
    expect(world.coordinatorGate.bytes).toBeLessThan(MESSAGES_BYTES);
    expect(world.bucketGate.bytes).toBeGreaterThan(2 * content.length);
    expect(world.notes).toEqual([]);
  });

  it('sends a small one to the coordinator, without a question', async () => {
    const agent = await world.begin('h');
    expect(await world.store(agent, 'h', Buffer.alloc(900_000))).toBe(true);
    world.report(agent, 'h');
    await published('h');
    expect(await world.direct()).toEqual([]);
    expect(world.bucketGate.bytes).toBe(0);
  });

  it('makes no entry with what an attempt has put there that was not accepted', async () => {
    const agent = await world.begin('h');
    await world.store(agent, 'h', large());
    world.report(agent, 'h', { fromCache: 'local-cache' });
    await world.whenFinished();
    const failed = await world.begin('failed');
    await world.store(failed, 'failed', large());
    world.report(failed, 'failed', { status: 'failure', code: 1 });
    await world.whenFinished();
    await whenAllPublished();
    for (const hash of ['h', 'failed']) expect(await world.entry(hash)).toBeNull();
    expect(staged()).toHaveLength(2);
  });

  it('finds the first artifact of a hash kept, and the other is not even sent', async () => {
    const agent = await world.begin('h');
    const content = large();
    expect(await world.store(agent, 'h', content)).toBe(true);
    expect(await world.store(agent, 'h', large())).toBe(false);
    expect(await world.store(agent, 'h', Buffer.from('small'))).toBe(false);
    expect(await world.direct()).toHaveLength(1);
    expect((await got(world.main, 'h')).includes(content)).toBe(true);
  });

  describe('whose coordinator restarts', () => {
    it('after the upload, and before the result: it is accepted, and the main job gets the artifact', async () => {
      const content = large();
      const agent = await world.begin('h');
      await world.store(agent, 'h', content);
      await world.restartCoordinator();
      const main = await world.connect('main', 'main-1');
      const again = await world.connect('agent', 'agent-1');
      main.send({ type: 'main.sync', runId: world.runId, ackSeq: 0, want: 'follow' });
      world.report(again, 'h');
      await world.whenFinished(main);
      expect((await got(main, 'h')).includes(content)).toBe(true);
      expect(world.coordinatorGate.bytes).toBeLessThan(MESSAGES_BYTES);
    });

    it('before it says that the upload is done: it asks the bucket', async () => {
      const content = large();
      const { token } = await world.begin('h');
      const path = HTTP.direct(HTTP.cache('h'));
      const body = JSON.stringify({ bytes: content.length, sha256: sha256Of(content) });
      const call = (method: string) => httpCall(world.coordinator.url, { method, path, token, body });
      expect(await call('PUT')).toMatchObject({ status: 404, code: 'DTE_ARTIFACT_MISSING' });
      const { address } = JSON.parse((await call('POST')).text) as {
        address: { url: string; headers: Record<string, string> };
      };
      expect(
        (await fetch(address.url, { method: 'PUT', headers: address.headers, body: content })).status,
      ).toBe(200);
      await world.restartCoordinator();
      expect((await call('PUT')).status).toBe(200);
      // Also to whoever did not get the answer.
      expect((await call('PUT')).status).toBe(200);
    });
  });

  describe('that does not get through to the bucket', () => {
    it.each(['closed', 'cut'] as const)('(%s) sends to the coordinator, and says so once', async (mode) => {
      world.bucketGate.mode = mode;
      const agent = await world.begin('h0');
      let { token } = agent;
      const http = world.http(() => token);
      const contents = Array.from({ length: 4 }, large);
      expect(await world.store(agent, 'h0', contents[0]!, http)).toBe(true);
      world.report(agent, 'h0');
      await published('h0');
      for (const index of [1, 2, 3]) {
        const hash = `h${index}`;
        const other = await world.begin(hash, `agent-${index + 10}`);
        // One executor, as far as it knows.
        token = other.token;
        expect(await world.store(agent, hash, contents[index]!, http)).toBe(true);
        world.report(other, hash);
        await published(hash);
      }
      expect(world.notes).toEqual([
        expect.stringMatching(/^dte: artifacts cannot be written to 127\.0\.0\.1:\d+ directly \(/),
      ]);
      expect(world.notes.join()).not.toContain('X-Amz');
      expect(staged()).toEqual([]);
    });

    it('because its address has expired, sends to the coordinator', async () => {
      await world.setBucketClock(600_000);
      const agent = await world.begin('h');
      expect(await world.store(agent, 'h', large())).toBe(true);
      world.report(agent, 'h');
      await published('h');
      expect(await world.direct()).toHaveLength(1);
      expect(staged()).toEqual([]);
      expect(world.coordinatorGate.bytes).toBeGreaterThan(large().length);
    });

    it('because it is away for everybody, sends to the coordinator', async () => {
      await world.endBucket();
      const agent = await world.begin('h');
      const content = large();
      expect(await world.store(agent, 'h', content)).toBe(true);
      expect((await got(world.main, 'h')).includes(content)).toBe(true);
    });
  });

  describe('whose artifact is lost in the bucket', () => {
    const heldOf = async (hash: string) => [...(await world.http(world.main).askHeld([hash])).keys()];
    const expectMadeAgain = async (agent: RawClient): Promise<void> => {
      expect(await heldOf('h')).toEqual([]);
      const content = large();
      expect(await world.store(agent, 'h', content)).toBe(true);
      expect((await got(world.main, 'h')).includes(content)).toBe(true);
    };
    let agent: RawClient;
    let object: string;
    beforeEach(async () => {
      agent = await world.begin('h');
      await world.store(agent, 'h', large());
      expect(await heldOf('h')).toEqual(['h']);
      object = join(world.bucketFolder, staged()[0]!);
    });

    it('finds it missing, and stores it again', async () => {
      rmSync(object);
      await expect(got(world.main, 'h')).rejects.toMatchObject({ code: 'DTE_UNKNOWN_HASH' });
      await expectMadeAgain(agent);
    });

    it('finds it damaged, and stores it again', async () => {
      const bytes = readFileSync(object);
      bytes[1_000_000]! ^= 1;
      writeFileSync(object, bytes);
      await expect(got(world.main, 'h')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_DAMAGED' });
      await expectMadeAgain(agent);
    });

    it('finds it cut off, and stores it again', async () => {
      truncateSync(object, 1_000_000);
      await expect(got(world.main, 'h')).rejects.toMatchObject({
        code: expect.stringMatching(/^DTE_(UNKNOWN_HASH|ARTIFACT_DAMAGED)$/) as string,
      });
      await expectMadeAgain(agent);
    });

    it('finds it missing when the bucket is away, and its result is not accepted after that', async () => {
      await world.endBucket();
      await expect(got(world.main, 'h')).rejects.toMatchObject({ code: 'DTE_UNKNOWN_HASH' });
      world.report(agent, 'h');
      // Given back, and tried again.
      await agent.next('agent.wanted', ({ assignments }) => assignments[0]?.attempt === 2);
    });
  });
});

it('an agent whose bucket keeps no checksums puts nothing there but once', async () => {
  world = await new World(gitlab).open('no-checksums');
  const agent = await world.begin('h');
  const content = large();
  expect(await world.store(agent, 'h', content)).toBe(true);
  expect((await got(world.main, 'h')).includes(content)).toBe(true);
  world.report(agent, 'h');
  await published('h');
  const other = await world.begin('other');
  expect(await world.store(other, 'other', large())).toBe(true);
  expect(await world.direct()).toHaveLength(1);
  await waitFor('its removal', () => Promise.resolve(staged().length === 0 ? true : null));
});

it('a session gets addresses for so many bytes only', async () => {
  world = await new World(gitlab, { directUploadSessionBytes: 5_000_000 }).open();
  for (const hash of ['a', 'b', 'c']) {
    const agent = await world.begin(hash);
    expect(await world.store(agent, hash, large())).toBe(true);
    world.report(agent, hash);
    await published(hash);
  }
  expect(await world.direct()).toHaveLength(1);
});
