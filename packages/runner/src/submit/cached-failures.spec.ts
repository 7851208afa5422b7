import { withoutBlocked } from './cached-failures';
import type { Hit } from './settle-cache';
import { graphOf } from '../test-support/tasks';

const graph = graphOf({
  'lib:build': [],
  'app:build': ['lib:build'],
  'app:all': ['app:build'],
  'app:e2e': ['app:all'],
  'tool:build': [],
  'tool:test': ['tool:build'],
});
const plan = {
  pending: ['lib:build', 'app:build', 'app:e2e', 'tool:build', 'tool:test'],
  noop: ['app:all'],
  servers: [],
  afterwards: [],
};
const hit = (taskId: string, failed = false): Hit => ({
  taskId,
  artifact: { kind: 'none' },
  local: true,
  failed,
});

describe('cached failures', () => {
  it('change nothing when there are none', () => {
    const hits = [hit('lib:build')];
    expect(withoutBlocked(graph, plan, hits, true)).toEqual({ plan, hits });
  });

  it('prevent dependent tasks from running, whatever the cache has of them', () => {
    const hits = [hit('lib:build', true), hit('app:build'), hit('app:e2e', true), hit('tool:build')];
    expect(withoutBlocked(graph, plan, hits, false)).toEqual({
      plan: { pending: ['tool:build', 'tool:test'], noop: [], servers: [], afterwards: [] },
      hits: [hit('lib:build', true), hit('tool:build')],
    });
  });

  it('prevent everything from running with --nxBail', () => {
    const hits = [hit('tool:test', true), hit('lib:build')];
    expect(withoutBlocked(graph, plan, hits, true)).toEqual({
      plan: { pending: [], noop: [], servers: [], afterwards: [] },
      hits,
    });
  });
});
