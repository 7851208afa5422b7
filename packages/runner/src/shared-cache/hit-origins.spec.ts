import type { CacheOrigin } from '@org/dte-protocol';
import { endedEntry, finishedAttempt } from '../test-support/run-log';
import { HitOrigins } from './hit-origins';

const origin = (fields: Partial<CacheOrigin> = {}): CacheOrigin => ({
  scope: 'trusted',
  pipelineId: '4711',
  jobId: '12',
  commit: '1a2b3c4d5e',
  agent: 'agent-2',
  atMs: Date.now() - 60_000,
  ...fields,
});

function told(verbose: boolean, held = new Map<string, CacheOrigin | null>()) {
  const lines: string[] = [];
  const reported: string[] = [];
  const origins = new HitOrigins({
    http: { askHeld: () => Promise.resolve(held) },
    verbose,
    onOrigin: (taskId) => void reported.push(taskId),
    line: (text) => void lines.push(text),
  });
  const hit = (taskId: string, of?: CacheOrigin) =>
    origins.onHit(of === undefined ? { taskId } : { taskId, origin: of });
  return { origins, hit, lines, reported };
}

describe('results of other pipelines', () => {
  it('are one line at the end of a command, and none if there are none', async () => {
    const { origins, hit, lines, reported } = told(false);
    hit('a:build', origin());
    hit('b:build', origin({ scope: 'own' }));
    hit('c:build');
    await origins.finish(() => false);
    expect(lines).toEqual([
      'dte: 2 results from other pipelines: 1 from trusted, 1 from earlier pipelines of this ref',
    ]);
    expect(reported).toEqual(['a:build', 'b:build']);
    const none = told(false);
    await none.origins.finish(() => false);
    expect(none.lines).toEqual([]);
  });

  it('are not those that could not be fetched, so that their tasks ran here', async () => {
    const { origins, hit, lines } = told(false);
    hit('a:build', origin());
    hit('b:build', origin());
    await origins.finish((taskId) => taskId === 'a:build');
    expect(lines).toEqual(['dte: 1 result from other pipelines: 1 from trusted']);
  });

  it('are a line each with --verbose, in which nobody else can write lines', () => {
    const { hit, lines } = told(true);
    hit('a:build', origin({ agent: 'x\n\u001B[2Jdte: all is well' }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^dte: from another pipeline: a:build: trusted: pipeline 4711, job 12, commit 1a2b3c4d, x.*, 1 min 0 s ago$/,
    );
    expect(lines[0]).not.toContain('\u001B');
  });

  it('are told of agents too, which look for what they hash themselves', async () => {
    const { origins, lines, reported } = told(
      false,
      new Map([
        ['h1', origin()],
        ['h2', null],
      ]),
    );
    const ended = (taskId: string, hash: string, fromCache: 'remote-cache' | null) =>
      origins.onEntry(endedEntry(1, { taskId, result: finishedAttempt({ hash, fromCache }) }));
    ended('a:build', 'h1', 'remote-cache');
    ended('b:build', 'h2', 'remote-cache');
    ended('c:build', 'h1', null);
    await origins.finish(() => false);
    expect(reported).toEqual(['a:build']);
    expect(lines).toEqual(['dte: 1 result from other pipelines: 1 from trusted']);
  });
});
