import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { waitFor } from '@org/dte-testing';
import { FileBody } from './file-body';
import { HandleFile } from './open-file';
import { QuickFiles } from './quick-files';

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Every 1000 bytes differ: pieces that change places or come twice show. */
function contentOf(bytes: number, seed: number): Buffer {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 4)
    content.writeUInt32LE((seed * 0x9e3779b1 + at) >>> 0, Math.min(at, bytes - 4));
  return content;
}

async function receive(source: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe.each(['as ever', 'with blocking calls'] as const)('the body of a file, read %s', (how) => {
  let folder: string;
  let server: Server;
  /** Of all files that were opened: none may stay so. */
  let handles: { isOpen: boolean }[];
  let outcomes: Promise<void>[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dte-body-'));
    [handles, outcomes] = [[], []];
    // `/name/bytes`
    server = createServer((request, response) => {
      const [, name = '', bytes] = request.url?.split('/') ?? [];
      const answer = async (): Promise<void> => {
        const body = await bodyOf(name, Number(bytes));
        await body.sendTo(response, () => response.writeHead(200, { 'content-length': Number(bytes) }));
      };
      outcomes.push(answer());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.allSettled(outcomes);
    await waitFor('all files to be closed', () => handles.every(({ isOpen }) => !isOpen));
    await rm(folder, { recursive: true });
  });

  async function bodyOf(name: string, bytes: number): Promise<FileBody> {
    const path = join(folder, name);
    const file = how === 'as ever' ? new HandleFile(await open(path, 'r')) : new QuickFiles().open(path, 'r');
    const handle = { isOpen: true };
    handles.push(handle);
    const close = async (): Promise<void> => {
      await file.close();
      handle.isOpen = false;
    };
    return new FileBody({ read: (...args) => file.read(...args), close }, bytes);
  }

  async function ask(name: string, bytes: number): Promise<IncomingMessage> {
    const { port } = server.address() as AddressInfo;
    const [answer] = (await once(
      // Its own connection: one that is kept alive may be closed by the server just when it is used again.
      get({ port, path: `/${name}/${bytes}`, agent: false }),
      'response',
    )) as [IncomingMessage];
    return answer;
  }

  it.each([1, 262_143, 262_144, 262_145, 524_288, 3_000_001])(
    'of %i bytes is sent, and is a stream',
    async (bytes) => {
      const content = contentOf(Math.max(bytes, 4), 1).subarray(0, bytes);
      await writeFile(join(folder, 'a'), content);
      expect(digestOf(await receive(await ask('a', bytes)))).toBe(digestOf(content));
      expect(digestOf(await receive(await bodyOf('a', bytes)))).toBe(digestOf(content));
    },
  );

  it('is the right one for each of many readers, although they share buffers and some are slow or leave', async () => {
    const bytes = 4_000_000;
    const contents = [1, 2, 3, 4].map((seed) => contentOf(bytes, seed));
    for (const [index, content] of contents.entries()) await writeFile(join(folder, `f${index}`), content);
    for (let round = 0; round < 2; round++) {
      const readers = Array.from({ length: 12 }, async (_, index) => {
        const answer = await ask(`f${index % 4}`, bytes);
        if (index % 3 === 0) {
          // Takes a little, and goes; the kernel and we still have some of it.
          await once(answer, 'data');
          answer.destroy();
          return;
        }
        if (index % 3 === 1) {
          await once(answer, 'readable');
          // Until another one has been sent completely, it takes nothing.
          await receive(await ask('f3', bytes));
        }
        expect(digestOf(await receive(answer))).toBe(digestOf(contents[index % 4] ?? Buffer.alloc(0)));
      });
      await Promise.all(readers);
    }
  });

  it('that ends before its time breaks the answer off: no reader takes it for complete', async () => {
    await writeFile(join(folder, 'a'), contentOf(2_000_000, 1));
    const { port } = server.address() as AddressInfo;
    const asked = get({ port, path: '/a/3000000' });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    await expect(receive(answer)).rejects.toThrow(/aborted/);
  });

  it('sends nothing and says why if the first read fails', async () => {
    await writeFile(join(folder, 'a'), contentOf(1_000, 1));
    const body = await bodyOf('a', 1_000);
    await truncate(join(folder, 'a'), 0);
    const begin = jest.fn();
    const { response } = await new Promise<{ response: Parameters<FileBody['sendTo']>[0] }>((resolve) => {
      server.removeAllListeners('request');
      server.once('request', (_request, answer) => resolve({ response: answer }));
      get({ port: (server.address() as AddressInfo).port }).on('error', () => undefined);
    });
    await expect(body.sendTo(response, begin)).rejects.toThrow('ended after 0 of 1000 bytes');
    expect(begin).not.toHaveBeenCalled();
    expect(response.headersSent).toBe(false);
  });

  it.each(['at once', 'soon'])(
    'lets others have their turn, although its reader takes everything %s',
    async (when) => {
      const bytes = 16 * 1024 * 1024;
      await writeFile(join(folder, 'a'), Buffer.alloc(bytes));
      const body = await bodyOf('a', bytes);
      let isSent = false;
      const calls = { cork: () => undefined, uncork: () => undefined };
      const state = { destroyed: false, errored: null, writableLength: when === 'at once' ? 0 : 1 };
      const socket = Object.assign(new EventEmitter(), state, calls);
      const reader = Object.assign(new EventEmitter(), {
        destroyed: false,
        socket,
        req: { socket },
        write: (_piece: Buffer, done: () => void) => process.nextTick(done),
        end: () => (isSent = true),
      });
      let turns = 0;
      const count = (): void => {
        turns += 1;
        if (!isSent) setImmediate(count);
      };
      setImmediate(count);
      await body.sendTo(reader as unknown as Parameters<FileBody['sendTo']>[0], () => undefined);
      expect(turns).toBeGreaterThanOrEqual(15);
    },
  );
});
