import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectRules, loadRules } from './load-rules';
import { describeProblem } from './rule';

const GOOD = `# yaml-language-server: $schema=../node_modules/@org/dte/schemas/dte.schema.json
assignment-rules:
  # the browsers need memory
  - targets: [e2e-ci*]
    run-on:
      - agent: linux-large
        parallelism: 2
  - projects:
      - tag:scope:shop
    run-on: [{ agent: linux-medium }, { agent: linux-large }]
`;

describe('assignment rules of a workspace', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-rules-'));
    mkdirSync(join(root, '.nx'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
  const problemsOf = (yaml: string): string[] => {
    write('.nx/dte.yaml', yaml);
    return inspectRules(root, undefined).problems.map(describeProblem);
  };

  it('are read from .nx/dte.yaml, each with its line', () => {
    write('.nx/dte.yaml', GOOD);
    expect(loadRules(root, undefined)).toEqual([
      {
        file: '.nx/dte.yaml',
        line: 4,
        targets: ['e2e-ci*'],
        'run-on': [{ agent: 'linux-large', parallelism: 2 }],
      },
      {
        file: '.nx/dte.yaml',
        line: 8,
        projects: ['tag:scope:shop'],
        'run-on': [{ agent: 'linux-medium' }, { agent: 'linux-large' }],
      },
    ]);
  });

  it('are empty without a file, and with an empty file', () => {
    expect(loadRules(root, undefined)).toEqual([]);
    write('.nx/dte.yaml', '# nothing yet\n');
    expect(loadRules(root, undefined)).toEqual([]);
  });

  it('are read from nx.json if it has some, with their lines there', () => {
    const rules = [{ targets: ['lint'], 'run-on': [{ agent: 'small' }] }];
    const options = { accessToken: 'dte', assignmentRules: rules };
    const nxJson = JSON.stringify({ tasksRunnerOptions: { default: { options } } }, null, 2);
    write('nx.json', `// comments are allowed here\n${nxJson}`);
    expect(loadRules(root, rules)).toEqual([{ file: 'nx.json', line: 8, ...rules[0] }]);
    expect(inspectRules(root, [{ targets: ['lint'], 'run-on': [] }]).problems.map(describeProblem)).toEqual([
      'nx.json:12 [0].run-on: Too small: expected array to have >=1 items',
    ]);
  });

  it('can assign tasks to the main job', () => {
    write('.nx/dte.yaml', 'assignment-rules:\n  - targets: [deploy]\n    run-on: main\n');
    expect(loadRules(root, undefined)).toEqual([
      { file: '.nx/dte.yaml', line: 2, targets: ['deploy'], 'run-on': 'main' },
    ]);
  });

  it('are allowed in one place only', () => {
    write('.nx/dte.yaml', GOOD);
    expect(() => loadRules(root, [])).toThrow(/nx\.json \(assignmentRules\) contains rules as well/);
  });

  it('are read from one file name, and a similar name is reported', () => {
    write('.nx/dte.yml', GOOD);
    expect(() => loadRules(root, undefined)).toThrow(
      '.nx/dte.yml:1 is not read: rules belong in .nx/dte.yaml',
    );
  });

  it.each([
    ['no YAML', 'assignment-rules:\n  - targets: [a\n', /^\.nx\/dte\.yaml:3 /],
    [
      'a key twice',
      'assignment-rules: []\nassignment-rules: []\n',
      /^\.nx\/dte\.yaml:2 Map keys must be unique/,
    ],
    ['another top', 'rules: []\n', /^\.nx\/dte\.yaml:1 (assignment-rules: expected array|unknown key rules)/],
    [
      'a misspelt key',
      'assignment-rules:\n  - targets: [a]\n    runs-on: [{ agent: x }]\n    run-on: [{ agent: x }]\n',
      /^\.nx\/dte\.yaml:3 assignment-rules\[0\]: unknown key runs-on$/,
    ],
    [
      'a rule about nothing',
      'assignment-rules:\n  - targets: [a]\n    run-on: [{ agent: x }]\n  - run-on: [{ agent: x }]\n',
      /^\.nx\/dte\.yaml:4 assignment-rules\[1\]: needs at least one of projects, targets and configurations$/,
    ],
    [
      'a label with a blank',
      'assignment-rules:\n  - targets: [a]\n    run-on:\n      - agent: linux\n      - agent: linux large\n',
      /^\.nx\/dte\.yaml:5 assignment-rules\[0\]\.run-on\[1\]\.agent: expected a label/,
    ],
    [
      'a parallelism of 0',
      'assignment-rules:\n  - targets: [a]\n    run-on:\n      - agent: linux\n        parallelism: 0\n',
      /^\.nx\/dte\.yaml:5 assignment-rules\[0\]\.run-on\[0\]\.parallelism: /,
    ],
    [
      'a word that is not main',
      'assignment-rules:\n  - targets: [a]\n    run-on: linux\n',
      /^\.nx\/dte\.yaml:3 assignment-rules\[0\]\.run-on: expected main, or a list of agents/,
    ],
    [
      'the main job in a list',
      'assignment-rules:\n  - targets: [a]\n    run-on: [main]\n',
      /^\.nx\/dte\.yaml:3 assignment-rules\[0\]\.run-on\[0\]: expected object/,
    ],
    [
      'a label twice',
      'assignment-rules:\n  - targets: [a]\n    run-on:\n      - agent: linux\n      - agent: linux\n',
      /^\.nx\/dte\.yaml:5 linux is listed twice$/,
    ],
    [
      'alternatives in braces',
      "assignment-rules:\n  - targets:\n      - '{a,b}'\n    run-on: [{ agent: linux }]\n",
      /^\.nx\/dte\.yaml:3 \{a,b\}: write its alternatives as separate entries of the list$/,
    ],
  ])('are rejected with file and line: %s', (_, yaml, expected) => {
    const problems = problemsOf(yaml);
    expect(problems[0]).toMatch(expected);
    expect(() => loadRules(root, undefined)).toThrow(
      expect.objectContaining({ code: 'DTE_BAD_RULES' }) as Error,
    );
  });
});
