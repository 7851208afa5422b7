import { runSpec, taskSpec } from '@org/dte-testing';
import { buildGraph, checkRun } from './graph';

const order = (spec: ReturnType<typeof runSpec>): string[] => {
  const { ids, priority } = buildGraph(spec);
  return [...ids].sort((a, b) => priority[ids.indexOf(a)]! - priority[ids.indexOf(b)]!);
};

describe('checkRun', () => {
  it('has no objection to an empty run', () => {
    expect(checkRun(runSpec('r1', []))).toBeNull();
  });

  it('has no objection to dependencies that come later in the list', () => {
    expect(checkRun(runSpec('r1', [taskSpec('app', ['lib']), taskSpec('lib')]))).toBeNull();
  });

  it('names the task that is there twice', () => {
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

  it('answers for a chain as long as a run may be, without recursion', () => {
    const chain = Array.from({ length: 200_000 }, (_, index) =>
      taskSpec(`t${index}`, index === 0 ? [] : [`t${index - 1}`]),
    );
    expect(checkRun(runSpec('r1', chain))).toBeNull();
  });
});

describe('order of a run', () => {
  it('puts the task with the longest weighted path above it first', () => {
    const spec = runSpec('r1', [
      taskSpec('heavy', [], { weight: 5 }),
      taskSpec('base'),
      taskSpec('middle', ['base'], { weight: 3 }),
      taskSpec('top', ['middle'], { weight: 3 }),
    ]);
    expect(order(spec)).toEqual(['base', 'middle', 'heavy', 'top']);
  });

  it('puts the task with more dependants first when paths are equally long, then the one submitted first', () => {
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

  it('takes no time for what is done already or has nothing to do', () => {
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
