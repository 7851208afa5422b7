import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@org/dte-testing';
import { parse } from 'yaml';
import { GitlabProject } from '../gitlab/harness/gitlab-project';
import { expandPipeline } from '../gitlab/harness/pipeline-run';
import { readDocument } from '../support/documents';

const document = readDocument('docs/gitlab.md');
const INCLUDE = 'include:\n  - local: .gitlab/dte.yml\n';

/** Parts of a .gitlab-ci.yml, each complete after the generated file is included. */
const PIPELINES = document.blocks
  .filter(({ language, text }) => language === 'yaml' && !/apiVersion:|component:/.test(text))
  .map(({ text }) => (text.includes('include:') ? text : INCLUDE + text));

function sourceOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|\/)src\/.*\.ts$/.test(name) && !/node_modules|\.spec\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

describe('docs/gitlab.md', () => {
  let project: GitlabProject;

  beforeAll(async () => {
    const generated = readFileSync(join(REPOSITORY, '.gitlab', 'dte.yml'), 'utf8');
    project = await GitlabProject.create({
      files: { '.gitlab/dte.yml': generated, '.gitlab-ci.yml': INCLUDE },
    });
    project.commit('First');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  // e2e/gitlab runs the "five minutes" at its beginning.
  it.each(PIPELINES)('shows pipelines that GitLab accepts: %#', async (text) => {
    project.write({ '.gitlab-ci.yml': text });
    const jobs = await expandPipeline(project.clone, project.env);
    const named = Object.keys(parse(text) as object).filter((name) => name.startsWith('nx'));
    expect(Object.keys(jobs)).toEqual(expect.arrayContaining(['nx', 'nx-agent', ...named]));
  });

  it('lists messages that exist', () => {
    const section = document.text.slice(document.text.indexOf('## Troubleshooting'));
    const messages = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
    const sources = sourceOf(join(REPOSITORY, 'packages'));

    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !sources.includes(message))).toEqual([]);
  });
});
