import { compare, firstDifference, type Observation, type TaskFacts } from './compare';

const task = (facts: Partial<TaskFacts> = {}): TaskFacts => ({
  status: 'success',
  code: 0,
  terminalOutput: 'built\n',
  ends: 1,
  files: { 'dist/a.js': 'file 644 3 bytes abc' },
  ...facts,
});

const command = (tasks: Record<string, TaskFacts>, exitCode: number | string = 0): Observation => ({
  exitCode,
  completed: true,
  tasks,
});

describe('comparison of two runs', () => {
  it('finds nothing between equal runs', () => {
    expect(compare(command({ a: task() }), command({ a: task() }))).toEqual([]);
  });

  it.each<[string, Partial<TaskFacts>, string]>([
    ['another status', { status: 'failure' }, 'status'],
    ['another code', { code: 1 }, 'code'],
    ['a task that ended twice', { ends: 2 }, 'ends'],
    ['other output', { terminalOutput: 'built twice\n' }, 'terminal output'],
    ['another mode of a file', { files: { 'dist/a.js': 'file 755 3 bytes abc' } }, 'file'],
    ['a missing file', { files: {} }, 'file'],
    ['a file more', { files: { ...task().files, 'dist/b.js': 'file 644 0 bytes e' } }, 'file'],
  ])('names %s', (_what, facts, aspect) => {
    expect(compare(command({ a: task() }), command({ a: task(facts) }))).toMatchObject([
      { task: 'a', aspect },
    ]);
  });

  it('names a task that only one of them has, and another exit code', () => {
    const found = compare(command({ a: task() }), command({ b: task() }, 1));

    expect(found.map((difference) => difference.aspect)).toEqual(['exit code', 'tasks', 'tasks']);
  });

  it('shows the first line that differs, and where one text ends before the other', () => {
    expect(firstDifference('a\nb\nc', 'a\nx\nc')).toEqual(['line 2 of 3: "b"', 'line 2 of 3: "x"']);
    expect(firstDifference('a\nb', 'a')).toEqual(['line 2 of 2: "b"', 'ends before']);
  });
});
