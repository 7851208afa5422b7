import { planRun } from './plan';
import { graphOf, noProjects } from '../test-support/tasks';

describe('planRun', () => {
  const graph = graphOf(
    {
      'lib:build': [],
      'api:serve': [],
      'app:serve': ['lib:build'],
      'e2e:run': [],
      'e2e:report': ['e2e:run'],
    },
    { 'app:serve': ['api:serve'], 'e2e:run': ['app:serve'] },
    { 'app:serve': { continuous: true }, 'api:serve': { continuous: true } },
  );

  it('gives tasks that need servers to agents, with the servers, dependencies first', () => {
    expect(planRun(graph, noProjects, [{ id: 'e2e:report' }])).toEqual({
      pending: ['lib:build', 'e2e:run', 'e2e:report'],
      noop: [],
      servers: ['api:serve', 'app:serve'],
      afterwards: [],
    });
  });

  it('keeps a server that the command names, and all its direct and indirect dependents, for the main job', () => {
    expect(planRun(graph, noProjects, [{ id: 'app:serve' }, { id: 'e2e:report' }])).toEqual({
      pending: ['lib:build'],
      noop: [],
      servers: [],
      afterwards: ['api:serve', 'app:serve', 'e2e:run', 'e2e:report'],
    });
  });

  it('keeps a server that is named by a group for the main job too', () => {
    const dev = graphOf(
      { 'app:dev': [], 'app:serve': [], 'e2e:run': [] },
      { 'app:dev': ['app:serve'], 'e2e:run': ['app:serve'] },
      { 'app:serve': { continuous: true } },
    );
    const app = {
      name: 'app',
      type: 'app',
      data: { root: 'app', targets: { dev: { executor: 'nx:noop' } } },
    };
    const projects = { nodes: { app }, dependencies: {} };
    expect(planRun(dev, projects, [{ id: 'app:dev' }]).afterwards).toEqual([
      'app:dev',
      'app:serve',
      'e2e:run',
    ]);
    expect(planRun(dev, projects, [{ id: 'e2e:run' }]).afterwards).toEqual([]);
  });

  it('distinguishes tasks that do nothing from those that do something', () => {
    const group = graphOf({ 'app:e2e-ci--a': [], 'app:e2e-ci': ['app:e2e-ci--a'] });
    const app = {
      name: 'app',
      type: 'app',
      data: { root: 'app', targets: { 'e2e-ci': { executor: 'nx:noop' } } },
    };
    expect(planRun(group, { nodes: { app }, dependencies: {} }, [{ id: 'app:e2e-ci' }])).toEqual({
      pending: ['app:e2e-ci--a'],
      noop: ['app:e2e-ci'],
      servers: [],
      afterwards: [],
    });
  });
});
