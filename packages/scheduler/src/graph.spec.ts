import { runSpec, taskSpec } from '@org/dte-testing';
import { buildGraph, checkRun } from './graph';

const order = (spec: ReturnType<typeof runSpec>): string[] => {
  const { ids, priority } = buildGraph(spec);
  return [...ids].sort((a, b) => priority[ids.indexOf(a)]! - priority[ids.indexOf(b)]!);
};

describe('checkRun', () => {
  it('accepts an empty run', () => {
    expect(checkRun(runSpec('r1', []))).toBeNull();
  });

  it('accepts dependencies that come later in the list', () => {
    expect(checkRun(runSpec('r1', [taskSpec('app', ['lib']), taskSpec('lib')]))).toBeNull();
  });

  it('names a duplicate task', () => {
    const error = checkRun(runSpec('r1', [taskSpec('lib'), taskSpec('lib')]));
    expect(error?.code).toBe('DTE_INVALID_RUN');
    expect(error?.message).toContain('lib twice');
  });

  it('names a task that depends on itself', () => {
    expect(checkRun(runSpec('r1', [taskSpec('lib', ['lib'])]))?.message).toContain('lib -> lib');
  });

  it('names a cycle without the tasks that only lead to it', () => {
    const spec = runSpec('r1', [
      taskSpec('top', ['a']),
      taskSpec('a', ['b']),
      taskSpec('b', ['a', 'leaf']),
      taskSpec('leaf'),
    ]);
    expect(checkRun(spec)?.message).toContain('a -> b -> a');
  });

  it('handles the longest possible chain without recursion', () => {
    const chain = Array.from({ length: 200_000 }, (_, index) =>
      taskSpec(`t${index}`, index === 0 ? [] : [`t${index - 1}`]),
    );
    expect(checkRun(runSpec('r1', chain))).toBeNull();
  });
});

describe('order of a run', () => {
  it('follows what was learnt where it is known, and the weights of the spec elsewhere', () => {
    const spec = runSpec('r1', [
      taskSpec('short', [], { weight: 9_000 }),
      taskSpec('unknown', [], { weight: 5_000 }),
      taskSpec('long', [], { weight: 1_000 }),
      taskSpec('said', [], { weight: 2_000, weightFrom: 'option' }),
      taskSpec('done', [], { initial: { state: 'done', artifact: { kind: 'none' } } }),
    ]);
    const { ids, priority, expectedMs } = buildGraph(spec, [1_000, null, 8_000, null, 7_000]);
    expect([...ids].sort((a, b) => priority[ids.indexOf(a)]! - priority[ids.indexOf(b)]!)).toEqual([
      'long',
      'unknown',
      'said',
      'short',
      'done',
    ]);
    expect(expectedMs).toEqual([1_000, null, 8_000, 2_000, null]);
  });

  it('puts the task with the longest weighted path first', () => {
    const spec = runSpec('r1', [
      taskSpec('heavy', [], { weight: 5 }),
      taskSpec('base'),
      taskSpec('middle', ['base'], { weight: 3 }),
      taskSpec('top', ['middle'], { weight: 3 }),
    ]);
    expect(order(spec)).toEqual(['base', 'middle', 'heavy', 'top']);
  });

  it('puts the task with more dependents first if the paths are equally long, then the one submitted first', () => {
    const spec = runSpec('r1', [
      taskSpec('one'),
      taskSpec('two'),
      taskSpec('three'),
      taskSpec('x', ['two']),
      taskSpec('y', ['two']),
      taskSpec('z', ['three']),
      taskSpec('w', ['one']),
    ]);
    expect(order(spec)).toEqual(['two', 'one', 'three', 'x', 'y', 'z', 'w']);
  });

  it('counts dependents that wait: none that the main job has settled, and those behind a task with nothing to do', () => {
    const spec = runSpec('r1', [
      taskSpec('settled-above'),
      taskSpec('one-above'),
      taskSpec('two-behind'),
      taskSpec('done-1', ['settled-above'], { initial: { state: 'done', artifact: { kind: 'none' } } }),
      taskSpec('done-2', ['settled-above'], { initial: { state: 'done', artifact: { kind: 'none' } } }),
      taskSpec('done-3', ['settled-above'], { initial: { state: 'done', artifact: { kind: 'none' } } }),
      taskSpec('noop', ['two-behind'], { initial: { state: 'noop' } }),
      taskSpec('a', ['one-above']),
      taskSpec('b', ['noop']),
      taskSpec('c', ['noop']),
      taskSpec('other'),
      taskSpec('d', ['settled-above']),
      taskSpec('e', ['other']),
    ]);
    expect(order(spec).slice(0, 4)).toEqual(['two-behind', 'settled-above', 'one-above', 'other']);
  });

  it('counts no time for tasks that are done or have nothing to do', () => {
    const spec = runSpec('r1', [
      taskSpec('below-done'),
      taskSpec('done', ['below-done'], {
        weight: 99,
        initial: { state: 'done', artifact: { kind: 'none' } },
      }),
      taskSpec('slow', [], { weight: 2 }),
    ]);
    expect(order(spec)).toEqual(['slow', 'below-done', 'done']);
  });
});
