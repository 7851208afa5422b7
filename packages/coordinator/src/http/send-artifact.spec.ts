import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import type { StoredArtifact } from '../artifacts/artifact-store';
import { FileBody } from '../artifacts/file-body';
import { QuickFiles } from '../artifacts/quick-files';
import { answerAtOnce, sendArtifact } from './send-artifact';

const SHA256 = 'ab'.repeat(32);

describe('an answer that goes past the router', () => {
  let folder: string;
  let server: FastifyInstance;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dte-answer-'));
    server = fastify();
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  /** What `body` is sent as, if something was said about the answer before. */
  async function sent(body: StoredArtifact['body'] | null): Promise<Response> {
    server.get('/', async (_request, reply) => {
      reply.header('x-said-before', 'yes').header('content-length', 77);
      if (body === null) return answerAtOnce(reply, { 'content-length': 0 });
      return sendArtifact(reply, { bytes: 7, sha256: SHA256, body });
    });
    return fetch(await server.listen({ port: 0, host: '127.0.0.1' }));
  }

  it.each(['nothing', 'a buffer', 'a file'])('has the headers of the reply as well (%s)', async (what) => {
    await writeFile(join(folder, 'a'), 'content');
    const bodies: Record<string, StoredArtifact['body']> = { 'a buffer': Buffer.from('content') };
    const file = what === 'a file' ? new FileBody(new QuickFiles().open(join(folder, 'a'), 'r'), 7) : null;
    const answer = await sent(file ?? bodies[what] ?? null);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-said-before')).toBe('yes');
    expect(answer.headers.get('content-length')).toBe(what === 'nothing' ? '0' : '7');
    expect(await answer.text()).toBe(what === 'nothing' ? '' : 'content');
  });
});
