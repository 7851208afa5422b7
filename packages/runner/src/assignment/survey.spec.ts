import type { Rule } from './rule';
import { surveyRules, type SurveyedProject } from './survey';

const rule = (line: number, fields: Partial<Rule>): Rule => ({
  file: '.nx/dte.yaml',
  line,
  'run-on': [{ agent: 'linux' }],
  ...fields,
});

const plain = { configurations: [], standard: undefined };
const PROJECTS: SurveyedProject[] = [
  {
    name: 'web',
    targets: { build: { configurations: ['production', 'ci'], standard: 'production' }, lint: plain },
  },
  { name: 'api', targets: { build: { configurations: ['ci'], standard: undefined } } },
];
const byName = (patterns: readonly string[]) =>
  PROJECTS.map(({ name }) => name).filter((name) => patterns.includes(name));

describe('surveyRules', () => {
  it('shows for each rule the tasks that it matches, with every possible configuration, and the unmatched tasks', () => {
    const ci = rule(1, { configurations: ['ci'] });
    const web = rule(2, { projects: ['web'], targets: ['build'] });
    const { taken, warnings } = surveyRules([ci, web], PROJECTS, byName);
    expect(taken).toEqual([
      { rule: ci, tasks: ['api:build:ci'] },
      { rule: web, tasks: ['web:build:production', 'web:build:ci'] },
      { rule: null, tasks: ['web:lint', 'api:build'] },
    ]);
    expect(warnings).toEqual([]);
  });

  it('excludes tasks of the main job from all rules, and finds patterns of runOnMain that match no task', () => {
    const main = rule(1, { targets: ['lint'], 'run-on': 'main' });
    const builds = rule(2, { targets: ['build'] });
    const { taken, onMain, idleOnMain, warnings } = surveyRules([main, builds], PROJECTS, byName, [
      'build',
      '!web:build:ci',
      'biuld',
      '!api:biuld',
    ]);
    expect(onMain).toEqual(['web:build:production', 'api:build', 'api:build:ci']);
    expect(taken).toEqual([
      { rule: main, tasks: ['web:lint'] },
      { rule: builds, tasks: ['web:build:ci'] },
      { rule: null, tasks: [] },
    ]);
    expect(idleOnMain).toEqual(['biuld', '!api:biuld']);
    expect(warnings).toEqual([]);
    const [none] = surveyRules([builds], PROJECTS, byName, ['build']).warnings;
    expect(none?.message).toMatch(/run on the main job \(option runOnMain\)/);
  });

  it('warns about patterns that match nothing, and about rules that match nothing', () => {
    const rules = [
      rule(1, { projects: ['web', 'wbe'], targets: ['build', '!tset'] }),
      rule(2, { configurations: ['prod*', 'staging'] }),
      rule(3, { targets: ['lint'] }),
      rule(4, { targets: ['lint'] }),
      rule(5, { projects: ['api'], targets: ['lint'] }),
    ];
    const { warnings } = surveyRules(rules, PROJECTS, byName);
    expect(warnings.map(({ line, message }) => `${line} ${message}`)).toEqual([
      '1 no project of this workspace matches wbe',
      '1 no target of this workspace matches !tset',
      '2 no configuration of this workspace matches staging',
      '4 applies to no task: other rules take precedence for all tasks that it matches',
      '5 applies to no task: no task matches all of its keys',
    ]);
  });
});
