import { decode, DteError, LIMITS, type RunSpec, runSpecSchema } from '@org/dte-protocol';
import { runSpec, taskSpec } from '@org/dte-testing';
import fc from 'fast-check';
import { cutTasks, withoutHashes } from './cut-tasks';
import { parseRun } from './parse-run';

const MAX = LIMITS.runSpecBytes.value;
const atOnce = (): Promise<void> => Promise.resolve();

/** A run whose tasks have what a cut could go wrong with: brackets, quotes and commas in strings, nested values, edges. */
const tricky = (): RunSpec => {
  const [first, second, third] = ['a:build', 'b:"],[{\\', 'c:tasks'];
  const tasks = [taskSpec(first), taskSpec(second, [first]), taskSpec(third, [first, second])];
  const nxTasks = tasks.map((task) => ({
    ...task,
    nxTask: { ...task.nxTask, overrides: { args: [{ tasks: ['"},{"', ']'] }] }, outputs: ['dist/{a,b}'] },
  }));
  return runSpec('r1', nxTasks, { command: 'nx run-many "tasks":[{' });
};

/** The run, or what is wrong with it. */
const outcomeOf = async (parsing: () => Promise<RunSpec> | RunSpec): Promise<unknown> => {
  try {
    return await parsing();
  } catch (thrown) {
    const { code, message } = DteError.from(thrown);
    return { code, message };
  }
};

const inParts = (text: string): Promise<unknown> =>
  outcomeOf(() => parseRun(Buffer.from(text), MAX, atOnce, 1));

/** What the coordinator keeps of a run. */
const kept = (spec: RunSpec): RunSpec => ({
  ...spec,
  tasks: spec.tasks.map((task) => ({
    ...task,
    nxTask: { id: task.nxTask.id, target: task.nxTask.target, overrides: {}, outputs: [] },
    dependencies: task.dependencies.map(({ id }) => ({ id })),
    continuousDependencies: task.continuousDependencies.map(({ id }) => ({ id })),
  })),
});

const whole = (text: string): Promise<unknown> => outcomeOf(() => kept(decode(runSpecSchema, text, MAX)));

describe('a run that is parsed in parts', () => {
  it('is what it is when parsed at once', async () => {
    const text = JSON.stringify(tricky());

    expect([...(cutTasks(Buffer.from(text), 1)?.parts ?? [])]).toHaveLength(3);
    expect(await inParts(text)).toEqual(await whole(text));
    expect(await inParts(JSON.stringify(tricky(), null, 2))).toEqual(await whole(text));
  });

  it('gives other work its turn after every part', async () => {
    let turns = 0;
    const breathe = (): Promise<void> => Promise.resolve(void (turns += 1));

    await parseRun(Buffer.from(JSON.stringify(tricky())), MAX, breathe, 1);

    expect(turns).toBe(3);
  });

  it.each([
    ['a second list of tasks', (text: string) => text.replace(/}$/, ',"tasks":[]}')],
    ['a second list with an escape in its name', (text: string) => text.replace(/}$/, ',"t\\u0061sks":[]}')],
    ['an escape in the name of the first', (text: string) => text.replace(',"tasks":[', ',"t\\u0061sks":[')],
    ['a comma behind the last task', (text: string) => text.replace(/\]}$/, ',]}')],
    ['a comma before the first task', (text: string) => text.replace(',"tasks":[', ',"tasks":[,')],
    ['two commas between tasks', (text: string) => text.replace('},{', '},,{')],
    ['no list', (text: string) => text.replace(',"tasks":[', ',"tasks":{').replace(/\]}$/, '}}')],
    ['no end', (text: string) => text.slice(0, -2)],
    ['something behind the end', (text: string) => `${text} {}`],
    [
      'an unknown field in a task',
      (text: string) => text.replace('{"id":"c:tasks"', '{"x":1,"id":"c:tasks"'),
    ],
    ['nothing', () => ''],
  ])('is judged as at once with %s', async (_, change) => {
    const changed = change(JSON.stringify(tricky()));

    expect(changed).not.toBe(JSON.stringify(tricky()));
    expect(await inParts(changed)).toEqual(await whole(changed));
  });

  it('is judged as at once whatever is changed in it', async () => {
    const text = JSON.stringify(tricky());
    const piece = fc.constantFrom('"', '\\', ',', ':', '[', ']', '{', '}', ' ', '1', '"tasks":[', 'é', '');
    const edit = fc.record({ at: fc.nat(text.length), drop: fc.nat(3), piece });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const changed = edits.reduce(
          (now, { at, drop, piece: added }) => now.slice(0, at) + added + now.slice(at + drop),
          text,
        );
        expect(await inParts(changed)).toEqual(await whole(changed));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the JSON of a run without hashes', () => {
  const leanOf = (spec: RunSpec, pieceBytes: number, indent?: number): unknown =>
    JSON.parse(
      Buffer.concat([
        ...withoutHashes(Buffer.from(JSON.stringify(spec, null, indent)), pieceBytes),
      ]).toString(),
    );

  it.each([1, 300, 1_000_000])('is the run with null for each hash, in pieces of %s bytes', (pieceBytes) => {
    const [first, ...others] = tricky().tasks;
    const done = { state: 'done', artifact: { kind: 'cache', hash: 'of the artifact' } } as const;
    const tasks = [
      { ...first!, hash: null },
      { ...first!, id: '"hash":"x', hash: '"\\"hash' },
      { ...first!, id: 'd', initial: done },
      ...others,
    ];
    const spec = { ...tricky(), env: { hash: 'kept' }, tasks };
    const expected = { ...spec, tasks: tasks.map((task) => ({ ...task, hash: null })) };

    expect(leanOf(spec, pieceBytes)).toEqual(expected);
    expect(leanOf(spec, pieceBytes, 2)).toEqual(expected);
  });

  it('is the run itself if it has no tasks', () => {
    expect(leanOf(runSpec('r1', []), 1)).toEqual(runSpec('r1', []));
  });
});
