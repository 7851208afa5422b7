import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@org/dte-testing';
import { Ajv } from 'ajv';
import { parse, parseAllDocuments } from 'yaml';
import { GitlabProject } from '../gitlab/harness/gitlab-project';
import { expandPipeline } from '../gitlab/harness/pipeline-run';
import { readDocument, readDocuments } from '../support/documents';

const GENERATED = '.gitlab/dte.yml';
const INCLUDE = `include:\n  - local: ${GENERATED}\n`;

type Yaml = Record<string, unknown>;
interface Component {
  readonly include: readonly [{ readonly component: string; readonly inputs: object }];
}

const KINDS = {
  rules: (yaml: Yaml): boolean => 'assignment-rules' in yaml,
  manifest: (yaml: Yaml): boolean => 'apiVersion' in yaml,
  component: (yaml: Yaml): boolean => JSON.stringify(yaml).includes('"component":'),
  /** Keywords of a job, without the job. */
  keywords: (yaml: Yaml): boolean => 'id_tokens' in yaml,
  pipeline: (): boolean => true,
};
type Kind = keyof typeof KINDS;
const kindOf = (yaml: Yaml): Kind => (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind](yaml))!;

/** Every YAML block of the documents, once. */
const blocks = [
  ...new Map(
    readDocuments().flatMap(({ path, blocks }) =>
      blocks
        .filter(({ language }) => language === 'yaml')
        .map(({ text }, n): [string, { place: string; text: string; kind: Kind }] => [
          text,
          { place: `${path}, block ${n + 1}`, text, kind: kindOf(parse(text) as Yaml) },
        ]),
    ),
  ).values(),
];
const ofKind = (...kinds: Kind[]): [place: string, text: string][] =>
  blocks.filter(({ kind }) => kinds.includes(kind)).map(({ place, text }) => [place, text]);

/** A complete .gitlab-ci.yml: what users add to the generated jobs, or a pipeline of its own. */
function completed(text: string): string {
  const yaml = parse(text) as Yaml;
  if (KINDS.keywords(yaml)) return `${INCLUDE}nx:\n${text.replaceAll(/^/gm, '  ')}`;
  const isOwn =
    'include' in yaml || Object.values(yaml).some((job) => Object.hasOwn(job as object, 'script'));
  return isOwn ? text : INCLUDE + text;
}

function sourceOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)src\/.*\.ts$/.test(name) && !/node_modules|\.spec\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

describe('the YAML of the documents', () => {
  let project: GitlabProject;

  beforeAll(async () => {
    const generated = readFileSync(join(REPOSITORY, GENERATED), 'utf8');
    project = await GitlabProject.create({ files: { [GENERATED]: generated, '.gitlab-ci.yml': INCLUDE } });
    project.commit('First');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  it.each(ofKind('pipeline', 'keywords'))('is a pipeline that GitLab accepts: %s', async (_, text) => {
    const whole = completed(text);
    project.write({ '.gitlab-ci.yml': whole });
    const jobs = await expandPipeline(project.clone, project.env);
    const names = Object.keys(parse(whole) as Yaml);
    const own = names.filter((name) => !/^(\.|include$|default$|variables$)/.test(name));
    const all = names.includes('include') ? ['nx', 'nx-agent', ...own] : own;
    expect(Object.keys(jobs)).toEqual(expect.arrayContaining(all));
  });

  it.each(ofKind('rules'))('has assignment rules that the schema accepts: %s', (_, text) => {
    const schema = readFileSync(join(REPOSITORY, 'packages/dte/schemas/dte.schema.json'), 'utf8');
    const isValid = new Ajv({ strict: false }).compile(JSON.parse(schema) as object);
    expect([isValid(parse(text)), isValid.errors]).toEqual([true, null]);
  });

  it.each(ofKind('component'))('has only inputs that the component has: %s', (_, text) => {
    const template = readFileSync(join(REPOSITORY, 'templates/dte/template.yml'), 'utf8');
    const { spec } = parseAllDocuments(template)[0]!.toJS() as { spec: { inputs: object } };
    const [{ inputs }] = (parse(text) as Component).include;
    expect(Object.keys(spec.inputs)).toEqual(expect.arrayContaining(Object.keys(inputs)));
  });

  it.each(ofKind('manifest'))('has manifests of a known kind: %s', (_, text) => {
    expect(parse(text)).toMatchObject({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' });
  });
});

describe('docs/how-to/troubleshooting.md', () => {
  it('lists messages that exist', () => {
    const { text } = readDocument('docs/how-to/troubleshooting.md');
    const messages = [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
    const sources = sourceOf(join(REPOSITORY, 'packages'));

    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !sources.includes(message))).toEqual([]);
  });
});
