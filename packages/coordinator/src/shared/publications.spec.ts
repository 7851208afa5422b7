import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { accessTo, type CacheEntry } from '@org/dte-cache';
import type { FinishedAttempt, Work } from '@org/dte-protocol';
import { runSpec, taskSpec } from '@org/dte-testing';
import { Publications, type PublicationDeps } from './publications';

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');
const grant = {
  access: accessTo({ issuer: 'https://gitlab.example.com', projectId: '42' }, 'trusted'),
  pipelineId: '1001',
  jobId: '7',
  commit: 'a'.repeat(40),
  ref: 'main',
};

/** What the session has stored, by kind and hash. */
let stored: Map<string, string | Readable>;
let published: { entry: CacheEntry; open: () => Readable }[];
let publications: Publications;
beforeEach(() => {
  stored = new Map();
  published = [];
  const get: PublicationDeps['artifacts']['get'] = (key) => {
    const content = stored.get(key.kind === 'attempt' ? '' : `${key.kind} ${key.hash}`);
    if (content === undefined) return Promise.resolve(null);
    const body = typeof content === 'string' ? Buffer.from(content) : content;
    const sha256 = typeof content === 'string' ? sha256Of(content) : sha256Of('a stream');
    return Promise.resolve({ bytes: 1, sha256, body });
  };
  publications = new Publications({
    sessionId: 's',
    artifacts: { get },
    shared: {
      publish: (_: unknown, entry: CacheEntry, open: () => Readable) => void published.push({ entry, open }),
    } as unknown as PublicationDeps['shared'],
    specOf: () => Promise.reject(new Error('not asked for')),
    now: () => 1,
    warn: (thrown) => {
      throw thrown;
    },
  });
  publications.begin(runSpec('r1', [taskSpec('app:build', [], { hash: 'h' })]));
});

const put = (kind: 'cache' | 'terminal', hash: string, content: string, attempt = 1): void => {
  stored.set(`${kind} ${hash}`, content);
  const by = { agentId: 'a1', agentName: 'nx-agent 1', grant, attempts: [{ runId: 'r1', attempt }] };
  publications.stored(kind, hash, { bytes: content.length, sha256: sha256Of(content) }, by);
};
const finished = (hash: string, attempt = 1): Work => {
  const artifact = { kind: 'cache', hash } as const;
  const result: FinishedAttempt = {
    kind: 'finished',
    status: 'success',
    code: 0,
    fromCache: null,
    hash,
    artifact,
    startMs: 1,
    endMs: 2,
    reason: null,
    hashDetails: null,
  };
  return { runId: 'r1', taskId: 'app:build', attempt, phase: { name: 'completed', result } };
};
/** An agent says this; the scheduler has accepted this attempt of app:build. */
async function accepted(work: Work[], attempt = 1): Promise<void> {
  publications.stepped(
    {
      type: 'agent.sync',
      agentId: 'a1',
      sync: { type: 'agent.sync', seq: 1, slots: 1, draining: false, work },
    },
    {
      send: [],
      wakeAtMs: null,
      events: [
        { type: 'task.ended', runId: 'r1', taskId: 'app:build', status: 'success', attempt, source: 'ran' },
      ],
    },
  );
  // Whether the task is kept from others is known at once.
  await Promise.resolve();
  await Promise.resolve();
}
const names = (): string[] => published.map(({ entry }) => `${entry.kind} ${entry.hash}`);

it('the terminal output comes first: whoever finds the outputs has both', async () => {
  put('cache', 'h', 'outputs');
  put('terminal', 'h', 'terminal output');
  await accepted([finished('h')]);
  expect(names()).toEqual(['terminal h', 'cache h']);
});

it("a terminal output alone is nobody's result", async () => {
  put('terminal', 'h', 'terminal output');
  await accepted([finished('h')]);
  expect(names()).toEqual([]);
});

it('of several attempts that an agent still reports, the result is that of the accepted one', async () => {
  put('cache', 'former', 'outputs of the first', 1);
  put('cache', 'h', 'outputs', 2);
  await accepted([finished('former', 1), finished('h', 2)], 2);
  expect(names()).toEqual(['cache h']);
});

describe('the bytes', () => {
  beforeEach(async () => {
    put('cache', 'h', 'outputs');
    await accepted([finished('h')]);
  });
  const bytes = async (): Promise<string> => (await buffer(published[0]!.open())).toString();

  it('are read when they are stored, as often as it takes', async () => {
    expect([await bytes(), await bytes()]).toEqual(['outputs', 'outputs']);
  });

  it('are not others that the session has under this hash meanwhile', async () => {
    stored.set('cache h', 'OUTPUTS');
    await expect(bytes()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_MISSING' });
    const other = new Readable({ read: () => undefined });
    stored.set('cache h', other);
    await expect(bytes()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_MISSING' });
    expect(other.destroyed).toBe(true);
    stored.clear();
    await expect(bytes()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_MISSING' });
  });
});
