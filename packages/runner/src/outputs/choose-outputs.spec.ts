import { outputIndex } from '@org/dte-testing';
import { chooseOutputs } from './choose-outputs';

describe('chooseOutputs', () => {
  const indexes = [outputIndex('r2', 2, ['a:b']), outputIndex('r1', 1, ['a:b', 'a:c'])];
  const chosen = (ids: string[], all = false) =>
    chooseOutputs(indexes, ids, all).map(({ index: { runId }, task: { id } }) => `${id} ${runId}`);

  it('chooses those of the newest command', () => {
    expect(chosen(['a:c', 'a:b'])).toEqual(['a:c r1', 'a:b r2']);
    expect(chosen([], true)).toEqual(['a:b r2', 'a:c r1']);
  });

  it('lists the available ones if a task left nothing', () => {
    expect(() => chosen(['x:y'])).toThrow(/no outputs of x:y.*a:b, a:c/);
  });
});
