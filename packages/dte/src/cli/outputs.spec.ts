import type { OutputIndex } from '@org/dte-runner';
import { chooseOutputs } from './outputs';

const index = (runId: string, atMs: number, ids: string[]): OutputIndex => ({
  version: 1,
  sessionId: 's',
  runId,
  command: 'nx build',
  atMs,
  tasks: ids.map((id) => ({
    id,
    target: { project: 'app', target: 'build' },
    outputs: ['dist'],
    hash: '1',
    bytes: null,
    artifact: { kind: 'cache', hash: '1' },
  })),
});

describe('chooseOutputs', () => {
  const indexes = [index('r2', 2, ['a:b']), index('r1', 1, ['a:b', 'a:c'])];
  const chosen = (ids: string[], all = false) =>
    chooseOutputs(indexes, ids, all).map(({ index: { runId }, task: { id } }) => `${id} ${runId}`);

  it('takes those of the newest command', () => {
    expect(chosen(['a:c', 'a:b'])).toEqual(['a:c r1', 'a:b r2']);
    expect(chosen([], true)).toEqual(['a:b r2', 'a:c r1']);
  });

  it('names what there is when a task left nothing', () => {
    expect(() => chosen(['x:y'])).toThrow(/no outputs of x:y.*a:b, a:c/);
  });
});
