import { runOfTasks, taskSpec } from '@org/dte-testing';
import { type Run, graphOf } from './run-cache';

const runOf = (tasks: readonly ReturnType<typeof taskSpec>[]): Run => ({
  spec: { ...runOfTasks([]), tasks: [...tasks] },
  tasks: new Map(tasks.map((task) => [task.id, task])),
});

describe('the graph of a task', () => {
  const lib = taskSpec('lib:build');
  const app = taskSpec('app:build', ['lib:build']);

  it('has the hashes of the spec', () => {
    const graph = graphOf(runOf([lib, app]), ['app:build'], [{ taskId: 'lib:build', hash: 'another' }]);

    expect(graph.tasks['lib:build']?.hash).toBe('hash-lib-build');
  });

  it('has those of the assignment if the spec has none, and no others', () => {
    const lean = [lib, app].map((task) => ({ ...task, hash: null }));

    const { tasks } = graphOf(runOf(lean), ['app:build'], [{ taskId: 'lib:build', hash: 'told' }]);

    expect(tasks['lib:build']?.hash).toBe('told');
    expect(tasks['app:build']?.hash).toBeUndefined();
  });
});
