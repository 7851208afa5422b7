import { DteError } from '@org/dte-protocol';
import fc from 'fast-check';
import { createAssignment, specificity, type TargetOf } from './assign';
import { placeTasks } from './placements';
import type { Rule } from './rule';

const rule = (line: number, fields: Partial<Rule>): Rule => ({
  file: '.nx/dte.yaml',
  line,
  'run-on': [{ agent: 'linux' }],
  ...fields,
});

const ALL = ['web', 'api'];
/** Names only: Nx itself parses the other patterns. */
const byName = (patterns: readonly string[]) =>
  ALL.filter((name) => patterns.includes(name) || patterns.includes('*'));

const lineFor = (rules: readonly Rule[], target: TargetOf): number | undefined =>
  createAssignment(rules, byName).ruleFor(target)?.line;

const task = { project: 'web', target: 'e2e', configuration: 'ci' };
const [configurations, targets, projects] = [['ci'], ['e2e'], ['web']];

describe('the rule that applies', () => {
  // From the most specific to the least specific.
  const ladder: Partial<Rule>[] = [
    { configurations, targets, projects },
    { configurations, targets },
    { configurations, projects },
    { targets, projects },
    { configurations },
    { targets },
    { projects },
  ];

  it('is the most specific one, wherever it stands in the file', () => {
    const upwards = [...ladder].reverse().map((fields, index) => rule(index + 1, fields));
    for (let count = upwards.length; count > 0; count--)
      expect(lineFor(upwards.slice(0, count), task)).toBe(count);
    const ranks = ladder.map(specificity);
    expect([...ranks].sort((a, b) => b - a)).toEqual(ranks);
    expect(new Set(ranks).size).toBe(ranks.length);
  });

  it('is the first of equals, and exactly one, in whatever order rules of other ranks stand', () => {
    const rules = fc.array(fc.constantFrom(...ladder), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rules, (fields) => {
        const written = fields.map((each, index) => rule(index, each));
        const best = Math.max(...written.map(specificity));
        expect(lineFor(written, task)).toBe(written.findIndex((each) => specificity(each) === best));
      }),
    );
  });

  it('matches everything that it names, and is none if nothing matches', () => {
    const rules = [rule(1, { targets: ['e2e*'], projects: ['web'] }), rule(2, { targets: ['!e2e*'] })];
    expect(lineFor(rules, { project: 'web', target: 'e2e--a/b.ts' })).toBe(1);
    expect(lineFor(rules, { project: 'api', target: 'e2e' })).toBeUndefined();
    expect(lineFor(rules, { project: 'api', target: 'lint' })).toBe(2);
  });

  it('that names configurations matches no task without a configuration', () => {
    const rules = [rule(1, { configurations: ['*'] }), rule(2, { configurations: ['!ci'] })];
    expect(lineFor(rules, { project: 'web', target: 'e2e' })).toBeUndefined();
    expect(lineFor(rules, task)).toBe(1);
  });

  it('is unknown when Nx cannot resolve its projects', () => {
    const fail = () =>
      createAssignment([rule(7, { projects: ['a('] })], () => {
        throw new SyntaxError('unterminated group');
      });
    expect(fail).toThrow(DteError);
    expect(fail).toThrow('.nx/dte.yaml:7 (projects a(): Nx cannot read the projects: unterminated group');
  });
});

describe('placeTasks', () => {
  it('lists only the rules that the tasks of a run need, in the order in which they need them', () => {
    const rules = [
      rule(1, { targets: ['lint'] }),
      rule(2, { targets: ['e2e'], 'run-on': [{ agent: 'big', parallelism: 1 }, { agent: 'small' }] }),
      rule(3, { projects: ['api'] }),
    ];
    const tasks = [
      { id: 'web:build', target: { project: 'web', target: 'build' } },
      { id: 'api:build', target: { project: 'api', target: 'build' } },
      { id: 'web:e2e', target: { project: 'web', target: 'e2e' } },
      { id: 'api:e2e', target: { project: 'api', target: 'e2e' } },
    ];
    const { placements, indexOf } = placeTasks(createAssignment(rules, byName), tasks);
    expect(placements).toEqual([
      { rule: '.nx/dte.yaml:3 (projects api)', runOn: [{ label: 'linux', parallelism: null }] },
      {
        rule: '.nx/dte.yaml:2 (targets e2e)',
        runOn: [
          { label: 'big', parallelism: 1 },
          { label: 'small', parallelism: null },
        ],
      },
    ]);
    expect(Object.fromEntries(indexOf)).toEqual({ 'api:build': 0, 'web:e2e': 1, 'api:e2e': 1 });
  });
});
