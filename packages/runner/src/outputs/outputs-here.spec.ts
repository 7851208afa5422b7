import { DteError } from '@org/dte-protocol';
import { Explainer } from '../report/explainer';
import { absentLine } from './note-absent';
import { OutputsHere } from './outputs-here';
import { RestoreQueue } from './restore-queue';
import { graphOf } from '../test-support/tasks';

const graph = graphOf({
  'base:gen': [],
  'lib:build': ['base:gen'],
  'app:build': ['lib:build'],
  'app:e2e': [],
});

type Shared = ConstructorParameters<typeof OutputsHere>[0]['shared'];

type Restore = ConstructorParameters<typeof OutputsHere>[0]['restorer']['restore'];

function setUp(
  missing: string[] = [],
  leaves = true,
  isLeft = true,
  { restore, ...shared }: Partial<Shared> & { restore?: Restore } = {},
) {
  const restored: string[] = [];
  const explained: string[] = [];
  const outputs = new OutputsHere({
    runId: 'r1',
    graph,
    policy: { isLeft: () => isLeft, pickedOf: () => null },
    restorer: {
      restore:
        restore ??
        (({ id }) => {
          if (missing.includes(id)) return Promise.reject(new DteError('DTE_ARTIFACT_MISSING', id));
          restored.push(id);
          return Promise.resolve({ terminalOutput: `${id}, restored`, from: null });
        }),
      printed: ({ id }) => Promise.resolve({ terminalOutput: `${id}, printed`, from: null }),
      leave: ({ id }) =>
        leaves
          ? Promise.resolve({ terminalOutput: id, bytes: 10 })
          : Promise.reject(new DteError('DTE_UNKNOWN_HASH', 'no terminal output')),
    },
    restores: new RestoreQueue(restore === undefined ? 1 : 4),
    shared: {
      folder: '/no-such-folder',
      overlapping: () => [],
      restoring: (_task, work) => work(),
      made: () => Promise.resolve(),
      ...shared,
    },
    explainer: new Explainer({ line: () => undefined, explain: ({ code }) => void explained.push(code) }),
  });
  const take = (id: string) => outputs.take(graph.tasks[id]!, { kind: 'cache', hash: id });
  return { outputs, restored, explained, take };
}

describe('OutputsHere', () => {
  // For a result of another pipeline too, which may have stored none: its command may have downloaded everything.
  it('uses the outputs even if the terminal output is not stored separately', async () => {
    const { outputs, explained, take } = setUp([], false);
    expect(await take('lib:build')).toMatchObject({ terminalOutput: 'lib:build, restored' });
    expect([outputs.absent.size, explained]).toEqual([0, []]);
  });

  it('restores all that a task on the main job needs, in order, and nothing else', async () => {
    const { outputs, restored, take } = setUp();
    for (const id of ['lib:build', 'base:gen', 'app:e2e']) await take(id);
    expect(await outputs.bringFor(['app:build'], false)).toEqual([]);
    expect(restored).toEqual(['base:gen', 'lib:build']);
    expect([...outputs.absent.keys()]).toEqual(['app:e2e']);
  });

  it('names the tasks that have to run on the main job because their outputs are lost', async () => {
    const { outputs, take } = setUp(['lib:build']);
    for (const id of ['base:gen', 'lib:build']) await take(id);
    expect(await outputs.bringFor(['app:build'], false)).toEqual(['lib:build']);
  });

  it('asks for nothing when the coordinator is gone', async () => {
    const { outputs, restored, take } = setUp();
    for (const id of ['base:gen', 'lib:build']) await take(id);
    expect(await outputs.bringFor(['app:build'], true)).toEqual(['base:gen', 'lib:build']);
    expect([restored, outputs.absent.size]).toEqual([[], 0]);
  });

  it('restores nothing for a task without outputs', async () => {
    const { outputs } = setUp();
    await outputs.take(graph.tasks['app:e2e']!, { kind: 'none' });
    expect(outputs.absent.size).toBe(0);
  });
});

describe('OutputsHere while a dependency is still being restored', () => {
  /** The restore of lib:build ends when the test lets it. */
  async function restoreBoth(overlapping: (id: string) => string[]) {
    const steps: string[] = [];
    let endLib = (): void => undefined;
    const lib = new Promise<void>((resolve) => (endLib = resolve));
    const restore: Restore = async ({ id }) => {
      steps.push(`restoring ${id}`);
      if (id === 'lib:build') await lib;
      return { terminalOutput: id, from: null };
    };
    const { outputs } = setUp([], true, false, { overlapping, restore });
    const took = ['lib:build', 'app:build'].map(async (id) => {
      await outputs.take(graph.tasks[id]!, { kind: 'cache', hash: id });
      steps.push(`told of ${id}`);
    });
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    steps.push('restored lib:build');
    endLib();
    await Promise.all(took);
    return steps;
  }

  it('restores what is elsewhere on the disk, and tells of it after the dependency', async () => {
    expect(await restoreBoth(() => [])).toEqual([
      'restoring lib:build',
      'restoring app:build',
      'restored lib:build',
      'told of lib:build',
      'told of app:build',
    ]);
  });

  it('waits where one writes into the other', async () => {
    const others = ['lib:build', 'app:build'];
    expect(await restoreBoth((id) => others.filter((other) => other !== id))).toEqual([
      'restoring lib:build',
      'restored lib:build',
      'told of lib:build',
      'restoring app:build',
      'told of app:build',
    ]);
  });
});

describe('OutputsHere of a main job with a worker', () => {
  const cached = (id: string) => ({ taskId: id, hash: id, artifact: { kind: 'cache', hash: id } as const });

  it('restores a dependency once, regardless of which task asks first', async () => {
    for (const isLeft of [false, true]) {
      const { outputs, restored, take } = setUp([], true, isLeft);
      await Promise.all([outputs.bring(cached('lib:build')), outputs.bring(cached('lib:build'))]);
      expect(await take('lib:build')).toMatchObject({ terminalOutput: 'lib:build, restored' });
      await outputs.bring(cached('lib:build'));
      expect([restored, outputs.absent.size]).toEqual([['lib:build'], 0]);
    }
  });

  it('restores outputs that were left, once, also while they are being left', async () => {
    const { outputs, restored, take } = setUp();
    const taking = take('lib:build');
    await Promise.all([outputs.bring(cached('lib:build')), outputs.bring(cached('lib:build'))]);
    expect(await taking).toMatchObject({ terminalOutput: 'lib:build' });
    expect([restored, outputs.absent.size]).toEqual([['lib:build'], 0]);
  });

  it('does not change outputs that the worker has made', async () => {
    const { outputs, restored, take } = setUp();
    outputs.began('lib:build');
    outputs.over('lib:build', { kind: 'cache', hash: 'lib:build' });
    await outputs.bring(cached('lib:build'));
    expect(await take('lib:build')).toMatchObject({ terminalOutput: 'lib:build, printed' });
    expect([restored, outputs.absent.size]).toEqual([[], 0]);
  });

  it('waits for the end of an attempt on the main job before it accepts the result of another one', async () => {
    const { outputs, restored, take } = setUp([], true, false);
    outputs.began('lib:build');
    const taking = take('lib:build');
    await new Promise((resolve) => setImmediate(resolve));
    expect(restored).toEqual([]);
    outputs.over('lib:build', null);
    await taking;
    expect(restored).toEqual(['lib:build']);
  });

  it('records the files of the worker before it restores another task into the same outputs', async () => {
    const steps: string[] = [];
    let noted = (): void => undefined;
    const { outputs, take } = setUp([], true, false, {
      overlapping: (id) => (id === 'app:e2e' ? ['lib:build'] : []),
      made: ({ id }) =>
        new Promise<void>((resolve) => (noted = resolve)).then(() => void steps.push(`noted ${id}`)),
      restoring: ({ id }, work) => {
        steps.push(`restoring ${id}`);
        return work();
      },
    });
    outputs.began('lib:build');
    const early = take('app:e2e');
    outputs.over('lib:build', { kind: 'cache', hash: 'lib:build' });
    await new Promise((resolve) => setImmediate(resolve));
    const late = take('app:e2e');
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).toEqual([]);
    noted();
    await Promise.all([early, late]);
    expect(steps).toEqual(['noted lib:build', 'restoring app:e2e', 'restoring app:e2e']);
  });

  it('reports a dependency that cannot be restored', async () => {
    const { outputs } = setUp(['lib:build']);
    await expect(outputs.bring(cached('lib:build'))).rejects.toMatchObject({ code: 'DTE_ARTIFACT_MISSING' });
  });
});

it.each([
  [1, [1_234_567], 'dte: 1 output (1.2 MB) not downloaded · dte outputs <task>'],
  [2, [900, null], 'dte: 2 outputs (at least 1 kB) not downloaded · dte outputs <task>'],
  [1, [null], 'dte: 1 output not downloaded · dte outputs <task>'],
])('the line of the summary for %i outputs of %j bytes', (count, bytes, line) => {
  expect(absentLine(count, bytes)).toBe(line);
});
