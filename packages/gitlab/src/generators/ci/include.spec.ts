import { addInclude, removeInclude } from './include';

const OURS = '.gitlab/dte.yml';
const ENTRY = `local: ${OURS}`;

const FORMS: [string, string, string][] = [
  ['no include', 'a:\n  script: x # why\n', `a:\n  script: x # why\n\ninclude:\n  - ${ENTRY}\n`],
  ['no newline at the end', 'a:\n  script: x', `a:\n  script: x\n\ninclude:\n  - ${ENTRY}\n`],
  ['nothing but comments', '# soon\n', `# soon\n\ninclude:\n  - ${ENTRY}\n`],
  [
    'a list with comments',
    'include:\n- local: a.yml # first\n# last\n- project: p\n  file: b.yml\n\n# jobs\na: {script: x}\n',
    `include:\n- local: a.yml # first\n# last\n- project: p\n  file: b.yml\n- ${ENTRY}\n\n# jobs\na: {script: x}\n`,
  ],
  ['an indented list', 'include:\n    - a.yml\nb: 1\n', `include:\n    - a.yml\n    - ${ENTRY}\nb: 1\n`],
  ['text', "include: '/a.yml'\nb: 1\n", `include:\n  - '/a.yml'\n  - ${ENTRY}\nb: 1\n`],
  ['nothing', 'include:\nb: 1\n', `include:\n  - ${ENTRY}\nb: 1\n`],
  [
    'one mapping',
    'include:\n  project: p\n  file:\n    - a.yml\nb: 1\n',
    `include:\n  - project: p\n    file:\n      - a.yml\n  - ${ENTRY}\nb: 1\n`,
  ],
  ['a flow list', 'include: [a.yml, "b.yml"]\n', `include: [a.yml, "b.yml", { ${ENTRY} }]\n`],
  ['a flow mapping', 'include: { local: a.yml }\n', `include: [{ local: a.yml }, { ${ENTRY} }]\n`],
  ['CRLF', 'include:\r\n  - a.yml\r\n', `include:\r\n  - a.yml\r\n  - ${ENTRY}\r\n`],
  [
    'a header of inputs',
    'spec:\n  inputs: {}\n---\na: 1\n...\n',
    `spec:\n  inputs: {}\n---\na: 1\n\ninclude:\n  - ${ENTRY}\n...\n`,
  ],
];

describe('the include of .gitlab/dte.yml', () => {
  it.each(FORMS)('is added to a file with %s, everything else byte for byte', (_, before, after) => {
    expect(addInclude(before, OURS)).toBe(after);
    expect(addInclude(after, OURS)).toBe(after);
  });

  const KEPT_FORM = new Set(['text', 'nothing', 'one mapping', 'a flow mapping', 'no newline at the end']);
  it.each(FORMS.filter(([name]) => !KEPT_FORM.has(name)))(
    'is removed without a trace: %s',
    (_, before, after) => {
      expect(removeInclude(after, OURS)).toBe(before);
    },
  );

  it('is not added when a pattern of another entry covers it', () => {
    const text = "include: '/.gitlab/*.yml'\n";
    expect(addInclude(text, OURS)).toBe(text);
  });

  it.each([
    ['an alias', '.x: &x [a.yml]\ninclude: *x\n'],
    ['a reference', 'include: !reference [.x, y]\n'],
    ['a list at the top', '- a\n'],
    ['broken YAML', 'a: [\n'],
  ])('is left to the user when the file has %s', (_, text) => {
    expect(addInclude(text, OURS)).toBeNull();
  });

  it('keeps the other anchors, references and comments', () => {
    const text =
      '# top\nstages: [test] # one\n\n.base: &base\n  before_script: # here\n    - !reference [.x, script]\n\n\njob:\n  <<: *base\n  script:   [ "a" ,  b ]\n';
    expect(addInclude(text, OURS)).toBe(`${text}\ninclude:\n  - ${ENTRY}\n`);
    expect(removeInclude(addInclude(text, OURS)!, OURS)).toBe(text);
  });
});
