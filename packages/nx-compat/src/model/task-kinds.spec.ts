import { isContinuous, isNonParallel, isNoop } from './task-kinds';
import type { NxTask } from './types';

const task: NxTask = { id: 'a:build', target: { project: 'a', target: 'build' }, overrides: {}, outputs: [] };
const graphWith = (executor: string) => ({
  nodes: { a: { name: 'a', type: 'lib', data: { root: 'a', targets: { build: { executor } } } } },
  dependencies: {},
});

describe('kinds of tasks', () => {
  it('detects a task that only groups others', () => {
    expect(isNoop(task, graphWith('nx:noop'))).toBe(true);
    expect(isNoop(task, graphWith('nx:run-commands'))).toBe(false);
    expect(isNoop({ ...task, target: { project: 'gone', target: 'build' } }, graphWith('nx:noop'))).toBe(
      false,
    );
  });

  it('treats a task without these fields as parallel and not continuous', () => {
    expect(isNonParallel(task)).toBe(false);
    expect(isNonParallel({ ...task, parallelism: false })).toBe(true);
    expect(isContinuous(task)).toBe(false);
    expect(isContinuous({ ...task, continuous: true })).toBe(true);
  });
});
