import { createHash, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { HereDigest } from './digest';
import { DigestThread, PIECE_BYTES } from './digest-thread';

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

let workers: Worker[];
beforeEach(() => {
  workers = [];
  jest.spyOn(process, 'emitWarning').mockImplementation();
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.terminate()));
  jest.restoreAllMocks();
});

/** A thread that does what it is told by `main`. */
function threadOf(main: string): DigestThread {
  return new DigestThread(() => {
    const worker = new Worker(main, { eval: true });
    workers.push(worker);
    return worker;
  }, true);
}

/** The one that is used, and can be stopped. */
function realThread(): DigestThread {
  const thread = new DigestThread(undefined, true);
  const started = Reflect.get(thread, 'start') as () => Worker;
  Reflect.set(thread, 'start', () => {
    const worker = started();
    workers.push(worker);
    return worker;
  });
  return thread;
}

async function hash(thread: DigestThread, content: Buffer, pieceBytes: number): Promise<string | null> {
  const digest = thread.begin();
  for (let at = 0; at < content.length; at += pieceBytes)
    await digest.add([content.subarray(at, at + pieceBytes)], at + pieceBytes >= content.length);
  return digest.finish();
}

describe('a thread that computes digests', () => {
  it.each([1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 2_000_001])(
    'says that of %i bytes, in pieces of any size',
    async (bytes) => {
      const content = randomBytes(bytes);
      const thread = realThread();
      for (const pieceBytes of [Math.ceil(bytes / 7), 65_536, PIECE_BYTES, 700_000, bytes])
        expect(await hash(thread, content, pieceBytes)).toBe(digestOf(content));
      expect(workers).toHaveLength(1);
    },
  );

  it('keeps uploads apart that come at the same time, and the bytes that were given', async () => {
    const thread = realThread();
    const hashes = Array.from({ length: 12 }, async (_, index) => {
      const content = randomBytes(1_000_000 + index);
      const expected = digestOf(content);
      const digest = thread.begin();
      await digest.add([content.subarray(0, 500_000)], false);
      await digest.add([content.subarray(500_000)], true);
      if (index % 4 === 0) digest.abandon();
      else expect(await digest.finish()).toBe(expected);
      expect(digestOf(content)).toBe(expected);
    });
    await Promise.all(hashes);
  });

  it('makes an upload wait that is faster than it, and never more than a few pieces are with it', async () => {
    const thread = threadOf(
      `const { parentPort } = require('node:worker_threads'); let held = 0;
       parentPort.on('message', ({ id, memory, go }) => {
         if (go) for (let left = held; left > 0; left--) parentPort.postMessage({ id: 1, memory: new ArrayBuffer(1), sha256: null });
         else held += 1;
       });`,
    );
    const digest = thread.begin();
    let isFree = false;
    expect(digest.add([randomBytes(PIECE_BYTES)], false)).toBeUndefined();
    const waiting = digest.add([randomBytes(2 * PIECE_BYTES)], false)?.then(() => (isFree = true));
    expect(waiting).toBeDefined();
    expect(isFree).toBe(false);
    workers[0]?.postMessage({ go: true });
    await waiting;
    expect(isFree).toBe(true);
    digest.abandon();
  });

  it('that dies leaves no upload waiting and claims nothing; what follows is hashed without it', async () => {
    const thread = threadOf(`require('node:worker_threads').parentPort.once('message', () => undefined);`);
    const content = randomBytes(3 * PIECE_BYTES);
    const adding = thread.begin();
    const waiting = adding.add([content], false);
    const ending = thread.begin();
    void ending.add([content], true);
    const asked = ending.finish();
    await workers[0]?.terminate();
    await waiting;
    expect(adding.add([content], true)).toBeUndefined();
    expect(await adding.finish()).toBeNull();
    expect(await asked).toBeNull();
    expect(thread.begin()).toBeInstanceOf(HereDigest);
    expect(await hash(thread, content, 100_000)).toBe(digestOf(content));
    expect(workers).toHaveLength(1);
  });

  it.each([
    [
      'throws',
      `require('node:worker_threads').parentPort.once('message', () => { throw new Error('broken'); });`,
    ],
    ['ends', `require('node:worker_threads').parentPort.once('message', () => process.exit(0));`],
  ])('that %s is the same', async (_how, main) => {
    const thread = threadOf(main);
    expect(await hash(thread, randomBytes(2_000_000), 300_000)).toBeNull();
    expect(thread.begin()).toBeInstanceOf(HereDigest);
  });

  it('that cannot be started is not needed', async () => {
    const thread = new DigestThread(() => {
      throw new Error('no more threads');
    }, true);
    const content = randomBytes(1000);
    expect(await hash(thread, content, 1000)).toBe(digestOf(content));
  });
});
