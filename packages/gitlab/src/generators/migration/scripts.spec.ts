import { Report } from '../workspace/report';
import { rewriteScripts } from './scripts';
import { rewriteVariables } from './variables';

const rewrite = (text: string): string => {
  const report = new Report();
  const file = { path: '.gitlab-ci.yml', scope: () => true };
  return rewriteVariables(
    rewriteScripts(text, file, { run: 'npx', startFlags: [] }, report).text,
    file,
    report,
  );
};

describe('scripts with commands of the vendor', () => {
  it.each([
    ['plain', '  - npx nx-cloud start-agent # x\n', '  - npx dte start-agent # x\n'],
    [
      'double quotes',
      '  - "npx nx-cloud record -- echo \\"a: b\\""\n',
      '  - "npx dte record -- echo \\"a: b\\""\n',
    ],
    ['single quotes', "  - 'npx nx-cloud record -- echo ''a'''\n", "  - 'npx dte record -- echo ''a'''\n"],
    [
      'a block',
      '  - |\n    set -e\n    npx nx-cloud start-agent # x\n    npx nx fix-ci\n    echo\n',
      '  - |\n    set -e\n    npx dte start-agent # x\n    echo\n',
    ],
    [
      'a folded block',
      '  - >-\n    npx nx-cloud start-ci-run\n    --stop-agents-after=a\n  - b\n',
      '  - npx dte start-ci-run --distribute-on=manual --stop-agents-after=a\n  - b\n',
    ],
    ['a command that goes', '  - a\n  - npx nx fix-ci\n  - b\n', '  - a\n  - b\n'],
    ['only a command that goes', '  - npx nx-cloud login\n', '  - "true"\n'],
    ['a variable that goes', '  - a\n  - export NX_CLOUD_ACCESS_TOKEN="x"\n', '  - a\n'],
    [
      'a variable with another name',
      '  - export NX_AGENT_NAME=$CI_NODE_INDEX\n',
      '  - export DTE_NAME=$CI_NODE_INDEX\n',
    ],
  ])('in %s are rewritten in place', (_, before, after) => {
    const around = (script: string): string => `# top\n\njob:   # j\n  script:\n${script}\n# end\n`;
    expect(rewrite(around(before))).toBe(around(after));
    expect(rewrite(around(after))).toBe(around(after));
  });

  it('lose an after_script that only served the vendor', () => {
    const job = 'a:\n  script:\n    - x\n';
    expect(rewrite(`${job}\n  after_script:\n    - npx nx fix-ci\nb: {}\n`)).toBe(`${job}\nb: {}\n`);
    expect(rewrite(`${job}  after_script: npx nx fix-ci\n`)).toBe(job);
  });

  it('in anchors and in lists shared by reference are rewritten in place', () => {
    const text = (program: string): string =>
      `.s: &s\n  - npm ci\n  - npx ${program} start-agent\na:\n  script: *s\nb:\n  script:\n    - !reference [.s]\n    - [ "npx ${program} start-agent" ]\n`;
    expect(rewrite(text('nx-cloud'))).toBe(text('dte'));
  });
});

describe('variables of the vendor', () => {
  it('are removed with their line or get the dte name, and an empty list of them is removed as well', () => {
    expect(
      rewrite(
        'variables:\n  A: 1\n  NX_CLOUD_ACCESS_TOKEN: x # secret\n  NX_CI_EXECUTION_ENV: linux\njob:\n  variables:\n    NX_CLOUD_DISTRIBUTED_EXECUTION: "true"\n  script: x\n',
      ),
    ).toBe('variables:\n  A: 1\n  DTE_ENVIRONMENT: linux\njob:\n  script: x\n');
  });
});
