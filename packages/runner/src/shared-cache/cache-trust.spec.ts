import type { NxProjectGraph } from '@org/dte-nx-compat';
import { cacheUseOf } from './cache-use';
import { idleTrust, sharingOf } from './cache-trust';
import { graphOf } from '../test-support/tasks';

const graph = graphOf(
  { 'app:deploy': [], 'app:build': [], 'lib:build': [], 'app:e2e-ci--a.ts': [] },
  {},
  { 'app:build': { target: { project: 'app', target: 'build', configuration: 'production' } } },
);

describe('the option cacheTrust', () => {
  it.each([
    [{}, {}],
    [{ deploy: 'never' }, { 'app:deploy': 'never' }],
    [{ '*:build:production': 'this-pipeline' }, { 'app:build': 'this-pipeline' }],
    [{ 'e2e-ci': 'never' }, { 'app:e2e-ci--a.ts': 'never' }],
    [
      { '*': 'this-pipeline', 'lib:*': 'never' },
      {
        'app:deploy': 'this-pipeline',
        'app:build': 'this-pipeline',
        'lib:build': 'never',
        'app:e2e-ci--a.ts': 'this-pipeline',
      },
    ],
  ] as const)('%j applies to %j, the strictest entry first', (trust, expected) => {
    const of = sharingOf(trust, graph);
    const found = Object.keys(graph.tasks).flatMap((id) => (of(id) === undefined ? [] : [[id, of(id)]]));
    expect(Object.fromEntries(found)).toEqual(expected);
  });

  it('applies to a task of which only the id is known, in every way that the id can be read', () => {
    const of = sharingOf(
      { '@org/a:docker:build': 'never', 'web:build:production': 'this-pipeline' },
      { tasks: {} },
    );
    expect([
      of('@org/a:docker:build'),
      of('web:build:production'),
      of('web:build'),
      of('x:docker:build'),
    ]).toEqual(['never', 'this-pipeline', undefined, undefined]);
  });

  it('names entries that protect nothing', () => {
    const data = {
      root: 'app',
      targets: { build: { configurations: { production: {} } }, 'e2e-ci--a.ts': {} },
    };
    const projects: NxProjectGraph = { nodes: { app: { name: 'app', type: 'app', data } }, dependencies: {} };
    const trust = {
      build: 'never',
      '*:build:production': 'never',
      'e2e-ci': 'never',
      'app:biuld': 'never',
    } as const;
    expect(idleTrust(trust, projects)).toEqual(['app:biuld']);
  });

  it('forbids the cache of this machine as well, which --skip-remote-cache does not', () => {
    const use = cacheUseOf((id) => (id === 'a' ? 'never' : id === 'b' ? 'this-pipeline' : undefined), true);
    expect(['a', 'b', 'c'].map(use)).toEqual([
      { local: false, shared: false, published: false },
      { local: false, shared: false, published: true },
      { local: true, shared: false, published: false },
    ]);
  });
});
