import { planRun } from './plan';
import { graphOf, noProjects } from './test-support/tasks';

describe('planRun', () => {
  it('keeps servers, and whatever needs one over any number of steps, for the main job', () => {
    const graph = graphOf(
      { 'lib:build': [], 'app:serve': ['lib:build'], 'e2e:run': [], 'e2e:report': ['e2e:run'] },
      { 'e2e:run': ['app:serve'] },
      { 'app:serve': { continuous: true } },
    );
    expect(planRun(graph, noProjects)).toEqual({
      pending: ['lib:build'],
      noop: [],
      afterwards: ['app:serve', 'e2e:run', 'e2e:report'],
    });
  });

  it('tells tasks that do nothing from those that do', () => {
    const graph = graphOf({ 'app:e2e-ci--a': [], 'app:e2e-ci': ['app:e2e-ci--a'] });
    const app = {
      name: 'app',
      type: 'app',
      data: { root: 'app', targets: { 'e2e-ci': { executor: 'nx:noop' } } },
    };
    expect(planRun(graph, { nodes: { app }, dependencies: {} })).toEqual({
      pending: ['app:e2e-ci--a'],
      noop: ['app:e2e-ci'],
      afterwards: [],
    });
  });
});
