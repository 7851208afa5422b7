import { leftovers, type Ending } from './leftovers';
import { graphOf } from '../test-support/tasks';

const graph = graphOf({
  'lib:build': [],
  'app:build': ['lib:build'],
  'app:e2e': ['app:build'],
  'lib:lint': [],
});
const after = (endings: Record<string, Ending>, nxBail = false) =>
  leftovers(graph, new Map(Object.entries(endings)), nxBail);

describe('leftovers', () => {
  it('is empty when every task ended', () => {
    const endings = {
      'lib:build': 'success',
      'app:build': 'success',
      'app:e2e': 'failure',
      'lib:lint': 'success',
    } as const;
    expect(after(endings)).toEqual({ run: [], skipped: [] });
  });

  it('contains every task without a result when the coordinator is lost', () => {
    expect(after({ 'lib:build': 'success' }).run).toEqual(['app:build', 'app:e2e', 'lib:lint']);
  });

  it('contains a returned task and its dependents', () => {
    const endings = {
      'lib:build': 'success',
      'app:build': 'returned',
      'app:e2e': 'returned',
      'lib:lint': 'success',
    } as const;
    expect(after(endings)).toEqual({ run: ['app:build', 'app:e2e'], skipped: [] });
  });

  it('never runs dependents of a failed task', () => {
    const endings = {
      'lib:build': 'failure',
      'app:build': 'skipped',
      'app:e2e': 'skipped',
      'lib:lint': 'success',
    } as const;
    expect(after(endings)).toEqual({ run: [], skipped: ['app:build', 'app:e2e'] });
  });

  it('runs what was skipped only because of an infrastructure problem', () => {
    const endings = {
      'lib:build': 'returned',
      'app:build': 'skipped',
      'app:e2e': 'skipped',
      'lib:lint': 'success',
    } as const;
    expect(after(endings).run).toEqual(['lib:build', 'app:build', 'app:e2e']);
  });

  it('starts nothing more after a failure with --nxBail', () => {
    expect(after({ 'lib:lint': 'failure' }, true)).toEqual({
      run: [],
      skipped: ['lib:build', 'app:build', 'app:e2e'],
    });
  });

  it('contains the servers of what is left, and no others', () => {
    const served = graphOf(
      { 'api:serve': [], 'web:serve': [], 'docs:serve': [], 'e2e:a': [], 'e2e:b': [], 'docs:test': [] },
      {
        'web:serve': ['api:serve'],
        'e2e:a': ['web:serve'],
        'e2e:b': ['web:serve'],
        'docs:test': ['docs:serve'],
      },
    );
    const servers = ['api:serve', 'web:serve', 'docs:serve'];
    const endings = new Map<string, Ending>([
      ['e2e:a', 'success'],
      ['e2e:b', 'returned'],
      ['docs:test', 'success'],
    ]);
    expect(leftovers(served, endings, false, servers)).toEqual({
      run: ['api:serve', 'web:serve', 'e2e:b'],
      skipped: [],
    });
    endings.set('api:serve', 'failure');
    expect(leftovers(served, endings, false, servers)).toEqual({ run: [], skipped: ['web:serve', 'e2e:b'] });
  });

  it('continues with --nxBail when nothing really failed', () => {
    expect(after({ 'lib:build': 'returned', 'lib:lint': 'skipped' }, true).run).toHaveLength(4);
  });

  it('runs dependents of a task that a batch completed although one of its dependencies failed', () => {
    const graph = graphOf({ 'f:build': [], 'g:build': ['f:build'], 'g:pack': ['g:build'] });
    const endings = new Map<string, Ending>([
      ['f:build', 'failure'],
      ['g:build', 'success'],
    ]);
    expect(leftovers(graph, endings, false)).toEqual({ run: ['g:pack'], skipped: [] });
  });
});
