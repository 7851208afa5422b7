import { outsideLine, tasksWithOutsideOutputs } from './outside-outputs';
import { planRun } from './plan';
import { graphOf, noProjects } from './test-support/tasks';

const withOutputs = (...outputs: string[]) =>
  graphOf({ 'a:up': [], 'b:use': ['a:up'], 'c:build': [] }, {}, { 'a:up': { outputs } });

it.each(['packages/a/../../../../out/up', '../out', '..', './../out/**/*', 'dist/../../out', '..\\out'])(
  'keeps a task with the output %s for the main job, and what needs it',
  (output) => {
    const graph = withOutputs('dist/a', output);
    expect(tasksWithOutsideOutputs(graph)).toEqual(['a:up']);
    const plan = planRun(graph, noProjects, []);
    expect([plan.pending, plan.afterwards]).toEqual([['c:build'], ['a:up', 'b:use']]);
    expect(outsideLine(graph)).toMatch(/^dte: a:up: outputs outside of the workspace/);
  },
);

it.each(['packages/a/../b/dist', '..dist', 'dist/..', '.', '', '!../out', '/dist'])(
  'takes %s for an output inside',
  (output) => {
    expect(planRun(withOutputs(output), noProjects, []).pending).toEqual(['a:up', 'b:use', 'c:build']);
    expect(outsideLine(withOutputs(output))).toBeNull();
  },
);

it('names a few tasks and counts the others', () => {
  const ids = Array.from({ length: 7 }, (_, index) => `p${String(index)}:up`);
  const graph = graphOf(
    Object.fromEntries(ids.map((id) => [id, []])),
    {},
    Object.fromEntries(ids.map((id) => [id, { outputs: ['../out'] }])),
  );
  expect(outsideLine(graph)).toMatch(/^dte: p0:up, p1:up, p2:up, p3:up, p4:up and 2 more: /);
});
