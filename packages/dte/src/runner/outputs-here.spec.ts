import { DteError } from '@org/dte-protocol';
import { Explainer } from './explainer';
import { absentLine } from './note-absent';
import { OutputsHere } from './outputs-here';
import { RestoreQueue } from './restore-queue';
import { graphOf } from './test-support/tasks';

const graph = graphOf({
  'base:gen': [],
  'lib:build': ['base:gen'],
  'app:build': ['lib:build'],
  'app:e2e': [],
});

function setUp(missing: string[] = [], leaves = true) {
  const restored: string[] = [];
  const explained: string[] = [];
  const outputs = new OutputsHere({
    graph,
    policy: { isLeft: () => true, pickedOf: () => null },
    restorer: {
      restore: ({ id }) => {
        if (missing.includes(id)) return Promise.reject(new DteError('DTE_ARTIFACT_MISSING', id));
        restored.push(id);
        return Promise.resolve({ terminalOutput: `${id}, restored`, from: null });
      },
      leave: ({ id }) =>
        leaves
          ? Promise.resolve({ terminalOutput: id, bytes: 10 })
          : Promise.reject(new DteError('DTE_UNKNOWN_HASH', 'no terminal output')),
    },
    restores: new RestoreQueue(1),
    explainer: new Explainer({ line: () => undefined, explain: ({ code }) => void explained.push(code) }),
  });
  const take = (id: string) => outputs.take(graph.tasks[id]!, { kind: 'cache', hash: id });
  return { outputs, restored, explained, take };
}

describe('OutputsHere', () => {
  it('takes the outputs all the same when what a task printed is not there by itself', async () => {
    const { outputs, explained, take } = setUp([], false);
    expect(await take('lib:build')).toMatchObject({ terminalOutput: 'lib:build, restored' });
    expect([outputs.absent.size, explained]).toEqual([0, []]);
  });

  it('brings all that a task needs that runs here, in order, and nothing else', async () => {
    const { outputs, restored, take } = setUp();
    for (const id of ['lib:build', 'base:gen', 'app:e2e']) await take(id);
    expect(await outputs.bringFor(['app:build'], false)).toEqual([]);
    expect(restored).toEqual(['base:gen', 'lib:build']);
    expect([...outputs.absent.keys()]).toEqual(['app:e2e']);
  });

  it('names what has to run here because its outputs are lost', async () => {
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

  it('has nothing to bring for a task without outputs', async () => {
    const { outputs } = setUp();
    await outputs.take(graph.tasks['app:e2e']!, { kind: 'none' });
    expect(outputs.absent.size).toBe(0);
  });
});

it.each([
  [1, [1_234_567], 'dte: 1 output (1.2 MB) not downloaded · dte outputs <task>'],
  [2, [900, null], 'dte: 2 outputs (at least 1 kB) not downloaded · dte outputs <task>'],
  [1, [null], 'dte: 1 output not downloaded · dte outputs <task>'],
])('the line of the summary for %i outputs of %j bytes', (count, bytes, line) => {
  expect(absentLine(count, bytes)).toBe(line);
});
