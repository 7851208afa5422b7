import { dependencyClosure, normaliseTaskGraph, subgraph, toNxTaskGraph } from './task-graph';
import type { NxTask, RawTaskGraph } from './types';

const task = (id: string): NxTask => ({
  id,
  target: { project: id, target: 'build' },
  overrides: { __overrides_unparsed__: [] },
  outputs: [],
});

const diamond = (): RawTaskGraph => ({
  roots: ['base'],
  tasks: { base: task('base'), left: task('left'), right: task('right'), top: task('top') },
  dependencies: {
    base: [],
    left: ['base'],
    right: [{ id: 'base', waitFor: 'ready' }],
    top: ['left', 'right'],
  },
});

describe('task graphs', () => {
  it('turns plain edges into objects, keeps what Nx 24 adds to them, and fills in what Nx 20 does not have', () => {
    const graph = normaliseTaskGraph(diamond());
    expect(graph.dependencies['left']).toEqual([{ id: 'base' }]);
    expect(graph.dependencies['right']).toEqual([{ id: 'base', waitFor: 'ready' }]);
    expect(graph.continuousDependencies).toEqual({ base: [], left: [], right: [], top: [] });
  });

  it('shares the tasks, so that both graphs have a hash that is written to one', () => {
    const raw = diamond();
    expect(normaliseTaskGraph(raw).tasks['top']).toBe(raw.tasks['top']);
  });

  it.each([
    [20, 'base'],
    [23, 'base'],
    [24, { id: 'base' }],
  ])('writes the edges Nx %s expects', (major, edge) => {
    expect(toNxTaskGraph(major, normaliseTaskGraph(diamond())).dependencies['left']).toEqual([edge]);
  });

  it('removes edges to tasks outside a part, and makes tasks without edges roots', () => {
    const part = subgraph(normaliseTaskGraph(diamond()), ['right', 'top', 'unknown']);
    expect(part.roots).toEqual(['right']);
    expect(Object.keys(part.tasks)).toEqual(['right', 'top']);
    expect(part.dependencies).toEqual({ right: [], top: [{ id: 'right' }] });
  });

  it('lists a closure with dependencies first', () => {
    expect(dependencyClosure(normaliseTaskGraph(diamond()), 'top')).toEqual(['base', 'left', 'right']);
  });
});
