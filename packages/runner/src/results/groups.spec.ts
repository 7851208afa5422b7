import type { FetchResult, NxTask } from '@org/dte-nx-compat';
import type { DteError } from '@org/dte-protocol';
import { Explainer } from '../report/explainer';
import { Groups } from './groups';
import { taskOf } from '../tasks/plan';
import { graphOf } from '../test-support/tasks';

interface Situation {
  readonly found?: FetchResult;
  readonly absent?: readonly string[];
  readonly hash?: () => Promise<string>;
  readonly task?: Partial<NxTask>;
  readonly skipNxCache?: boolean;
}

function setUp({
  found = { kind: 'miss' },
  absent = [],
  hash,
  task: fields,
  skipNxCache = false,
}: Situation) {
  const graph = graphOf({ 'app:test-ci--a': [], 'app:test-ci': ['app:test-ci--a'] });
  const task = Object.assign(taskOf(graph, 'app:test-ci'), { cache: true }, fields);
  delete task.hash;
  const did: string[] = [];
  const said: string[] = [];
  const part = taskOf(graph, 'app:test-ci--a');
  const groups = new Groups({
    graph,
    ids: ['app:test-ci'],
    cache: {
      fetch: (asked) => {
        did.push(`fetch ${asked.hash ?? ''}`);
        return Promise.resolve(found);
      },
      lookupLocal: () => Promise.resolve(new Map()),
      store: (stored) => {
        did.push(`store ${stored.hash ?? ''}`);
        return Promise.resolve();
      },
    },
    hasher: { hash: hash ?? (() => Promise.resolve('77')) },
    outputs: {
      absent: new Map(absent.map((id) => [id, { task: part, artifact: { kind: 'none' }, bytes: null }])),
      isLeft: () => false,
    },
    explainer: new Explainer({
      line: (text: string) => void said.push(text),
      explain: ({ code }: DteError) => void said.push(code),
    }),
    skipNxCache,
    skipRemoteCache: false,
  });
  return { groups, task, did, said };
}

const hit = { code: 0, terminalOutput: '', outputsPath: '/cache/77' };

describe('Groups', () => {
  it('hashes a group when its dependencies are restored, and stores it for the next command', async () => {
    const { groups, task, did } = setUp({});
    expect(await groups.end(task)).toEqual({ terminalOutput: '', from: null });
    expect(task.hash).toBe('77');
    expect(did).toEqual(['fetch 77', 'store 77']);
  });

  it('reads a group from the cache that has it', async () => {
    const { groups, task, did } = setUp({ found: { kind: 'local', entry: hit } });
    expect(await groups.end(task)).toEqual({ terminalOutput: '', from: 'local' });
    expect(did).toEqual(['fetch 77']);
  });

  it('uses no cache when the command skips it', async () => {
    const { groups, task, did } = setUp({ skipNxCache: true });
    await groups.end(task);
    expect(did).toEqual(['store 77']);
  });

  it('uses no cache for a group that is not cacheable', async () => {
    const { groups, task, did } = setUp({ task: { cache: false } });
    await groups.end(task);
    expect([task.hash, did]).toEqual(['77', []]);
  });

  it('gives a group a placeholder hash when outputs that it depends on were not restored, and stores nothing', async () => {
    const { groups, task, did } = setUp({ absent: ['app:test-ci--a'] });
    await groups.end(task);
    expect([task.hash, did]).toEqual(['group-app-test-ci', []]);
  });

  it('succeeds even if a group cannot be hashed, and reports why', async () => {
    const { groups, task, did, said } = setUp({ hash: () => Promise.reject(new Error('no hasher')) });
    expect(await groups.end(task)).toEqual({ terminalOutput: '', from: null });
    expect([task.hash, did]).toEqual(['group-app-test-ci', []]);
    expect(said).toHaveLength(1);
  });
});
