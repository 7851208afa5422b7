import type { TaskFacts } from './compare';
import { judge, type Side } from './judge';

const task = (facts: Partial<TaskFacts> = {}): TaskFacts => ({
  status: 'success',
  code: 0,
  terminalOutput: 'built\n',
  ends: 1,
  files: { 'dist/a': 'file 644 3 bytes abc' },
  ...facts,
});
const FAILED = task({ status: 'failure', code: 1 });

const side = (tasks: Record<string, TaskFacts>, exitCode = 0, completed = true): Side => ({
  workspace: '/nowhere',
  folders: {},
  observation: { exitCode, completed, tasks },
});

const places = (found: readonly { task: string; aspect: string }[]): string[] =>
  found.map(({ task: id, aspect }) => `${id} ${aspect}`);

describe('the verdict over two runs', () => {
  it('is clean for equal runs, and for logs with the same lines in another order', () => {
    const plain = side({ a: task({ terminalOutput: 'x\ny\n' }) });
    const distributed = side({ a: task({ terminalOutput: 'y\nx\n' }) });
    expect(judge({ plain, distributed, again: [] })).toEqual({
      differences: [],
      unstable: [],
      ofPlainNx: [],
      fault: null,
      uncompared: [],
    });
  });

  it('does not count where two plain runs differ, and only there', () => {
    const plain = side({ a: task({ files: { d: 'file 644 1 bytes 1', e: 'file 644 1 bytes 1' } }) });
    const again = [side({ a: task({ files: { d: 'file 644 1 bytes 2', e: 'file 644 1 bytes 1' } }) })];
    const distributed = side({ a: task({ files: { d: 'file 644 1 bytes 3', e: 'file 644 1 bytes 3' } }) });
    const verdict = judge({ plain, distributed, again });
    expect(verdict.differences).toMatchObject([{ task: 'a', path: 'e' }]);
    expect(verdict.unstable).toMatchObject([{ task: 'a', path: 'd' }]);
  });

  it('is not softened by a repeated run whose log only has another order', () => {
    const plain = side({ a: task({ terminalOutput: 'x\ny\n' }) });
    const again = [side({ a: task({ terminalOutput: 'y\nx\n' }) })];
    const distributed = side({ a: task({ terminalOutput: 'x\nz\n' }) });
    expect(places(judge({ plain, distributed, again }).differences)).toEqual(['a terminal output']);
  });

  it('is not softened by tasks that a repeated run has not run', () => {
    const plain = side({ a: task(), b: task() });
    const distributed = side({ a: task(), b: FAILED }, 1);
    const verdict = judge({ plain, distributed, again: [side({ a: task() })] });
    expect(places(verdict.differences)).toEqual([' exit code', 'b status', 'b code']);
    expect(verdict.unstable).toEqual([]);
  });
});

describe('plain Nx is wrong', () => {
  const failing = { a: task(), b: FAILED };

  it('if it ends with 0 although a task failed', () => {
    const verdict = judge({ plain: side(failing), distributed: side(failing, 1), again: [] });
    expect(verdict.differences).toEqual([]);
    expect(places(verdict.ofPlainNx)).toEqual([' exit code']);
    expect(verdict.fault).toEqual({ failed: ['b'], unrun: [] });
  });

  it('if it ends in the middle; what it left unrun is compared with a repeated run', () => {
    const plain = side({ a: task() }, 0, false);
    const distributed = side({ a: task(), b: task(), c: task() });
    const verdict = judge({ plain, distributed, again: [side({ b: FAILED })] });
    expect(verdict.fault).toEqual({ failed: [], unrun: ['b', 'c'] });
    expect(places(verdict.differences)).toEqual(['b status', 'b code']);
    expect(verdict.uncompared).toEqual(['c']);
  });

  it.each<[string, Side, Side]>([
    ['that distribution has lost a task', side({ a: task(), b: task() }), side({ a: task() })],
    ['that distribution ends with 0 as well', side(failing), side(failing)],
    ['that distribution ends with 1 without a failed task', side({ a: task() }), side({ a: task() }, 1)],
    ['that distribution ended in the middle', side(failing), side(failing, 1, false)],
    ['a failure of a task on an agent', side({ a: task() }), side({ a: FAILED }, 1)],
  ])('does not excuse %s', (_what, plain, distributed) => {
    const { fault, differences } = judge({ plain, distributed, again: [] });
    expect(fault).toBeNull();
    const isEqual = JSON.stringify(plain) === JSON.stringify(distributed);
    expect(differences.length > 0).toBe(!isEqual);
  });
});
