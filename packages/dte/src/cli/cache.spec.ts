import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { FileRendezvous } from '@org/dte-client';
import { FakeCoordinator } from '@org/dte-testing';
import { cacheCommand } from './cache';

const SESSION = 'pipeline-1';
const MINUTE_MS = 60_000;

describe('dte cache forget', () => {
  let server: FakeCoordinator;
  let dir: string;
  let said: string[];
  let asked: string[];
  let answer: { status: number; body: string };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'dte-cache-forget-'));
    server = await FakeCoordinator.start();
    [said, asked] = [[], []];
    answer = { status: 200, body: '{"forgotten":3}' };
    server.handler = (request, response) => {
      void text(request).then((body) => {
        asked.push(`${request.method ?? ''} ${request.url ?? ''} ${body}`);
        response.writeHead(answer.status, { 'x-dte-error': 'DTE_UNAUTHORIZED' }).end(answer.body);
      });
    };
    jest.spyOn(process.stdout, 'write').mockImplementation((line) => said.push(String(line)) > 0);
    await new FileRendezvous(dir).publish({
      version: 1,
      sessionId: SESSION,
      generation: 'first',
      expiresAtMs: Date.now() + MINUTE_MS,
      url: server.url,
    });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await server.close();
    rmSync(dir, { recursive: true });
  });

  const forget = (pipeline: string): Promise<unknown> =>
    cacheCommand().parseAsync(
      ['forget', '--pipeline', pipeline, '--session', SESSION, '--rendezvous-dir', dir],
      { from: 'user' },
    );

  it('asks the coordinator of the session, as the main job, and says how many entries are gone', async () => {
    await forget('4711');
    expect(asked).toEqual(['POST /v1/cache-forget {"pipelineId":"4711"}']);
    expect(server.hellos.map(({ role }) => role)).toEqual(['main']);
    expect(said).toEqual(['dte: 3 entries of pipeline 4711 removed from the shared cache\n']);
  });

  it('passes on why the coordinator refuses', async () => {
    answer = { status: 403, body: 'Only a pipeline for a protected branch may do that.' };
    await expect(forget('4711')).rejects.toMatchObject({
      code: 'DTE_UNAUTHORIZED',
      message: 'Only a pipeline for a protected branch may do that.',
    });
    expect(said).toEqual([]);
  });

  it.each(['', 'main', '4711; true', '-1'])('asks nothing for %j, which is no pipeline', async (pipeline) => {
    await expect(forget(pipeline)).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
    expect([asked, server.hellos]).toEqual([[], []]);
  });
});
