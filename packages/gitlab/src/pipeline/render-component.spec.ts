import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PACKAGE_MANAGERS, renderComponent, renderGitlabFile } from './index';
import {
  documents,
  isMapping,
  jobsOf,
  pipelineProblems,
  schemaProblems,
  type Mapping,
} from './test-support/ci-schema';
import { interpolate } from './test-support/interpolate';
import { DEFAULTS } from './test-support/options';

const ROOT = join(__dirname, '..', '..', '..', '..');
/** GitLab looks for components in the folder `templates` of a repository; the package contains a copy. */
const PLACES = ['templates/dte/template.yml', 'packages/dte/templates/dte/template.yml'];

const [header, body] = documents(renderComponent()) as [Mapping, Mapping];

function declared(): Record<string, Mapping> {
  const { spec } = header;
  const inputs = isMapping(spec) ? spec['inputs'] : undefined;
  if (!isMapping(inputs)) throw new Error('no inputs');
  return inputs as Record<string, Mapping>;
}

const defaults: Mapping = Object.fromEntries(
  Object.entries(declared()).map(([name, { default: value = '' }]) => [name, value]),
);
const withInputs = (inputs: Mapping): Mapping => interpolate(body, { ...defaults, ...inputs }) as Mapping;

describe('renderComponent', () => {
  it.each(PLACES)('is the template that is shipped in %s (UPDATE_TEMPLATES=1 writes it)', (place) => {
    const path = join(ROOT, place);
    if (process.env['UPDATE_TEMPLATES'] === '1') {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, renderComponent());
    }
    expect(readFileSync(path, 'utf8')).toBe(renderComponent());
  });

  it('has a valid header and a default for each input, so no input is required', () => {
    expect(schemaProblems(header)).toEqual([]);
    for (const input of Object.values(declared()))
      expect(Object.keys(input)).toEqual(expect.arrayContaining(['description', 'default']));
  });

  it('uses every input that it declares', () => {
    const used = new Set(JSON.stringify(body).match(/(?<=\$\[\[ inputs\.)[\w-]+/g));
    expect([...used].sort()).toEqual(Object.keys(declared()).sort());
  });

  it.each(PACKAGE_MANAGERS)('is valid for GitLab with %s and any other inputs', (manager) => {
    const uses: Mapping[] = [
      {},
      { agents: 200, parallel: 1, stage: 'verify', image: 'alpine' },
      { artifacts: ['dist', '**/coverage'], 'coordinator-url': 'https://dte.example.org' },
      { environment: 'windows', 'job-suffix': '-windows' },
      { cache: 'gitlab-artifacts', artifacts: ['dist', '.nx/dte/report/', '.nx/dte/cache/'] },
    ];
    for (const inputs of uses)
      expect(pipelineProblems(withInputs({ ...inputs, 'package-manager': manager }))).toEqual([]);
  });

  it('equals with its defaults what the generator writes, except for the place of the commands', () => {
    const component = jobsOf(withInputs({}));
    const written = jobsOf(documents(renderGitlabFile(DEFAULTS))[0]!);
    expect(Object.keys(component)).toEqual(Object.keys(written));
    for (const [name, job] of Object.entries(written)) {
      const differing = ['script', 'after_script', 'rules', 'cache'];
      const same = Object.entries(job).filter(([keyword]) => !differing.includes(keyword));
      expect(component[name]).toMatchObject(Object.fromEntries(same));
    }
  });

  it('separates two uses in one pipeline', () => {
    const names = Object.keys(jobsOf(withInputs({ 'job-suffix': '-windows' })));
    expect(names).toEqual(['nx-windows', 'nx-agent-windows']);
    // Hidden jobs as well: of two with the same name, GitLab keeps the last one, with the inputs of the other use.
    const [one, other] = ['-a', '-b'].map((suffix) => Object.keys(withInputs({ 'job-suffix': suffix })));
    expect(one!.filter((name) => other!.includes(name))).toEqual([]);
  });

  it('works in a workspace below the root of the repository', () => {
    const { nx } = jobsOf(withInputs({ folder: 'apps/web/', 'job-suffix': '-web', environment: 'web' }));
    expect(nx).toBeUndefined();
    const { 'nx-web': main } = jobsOf(
      withInputs({ folder: 'apps/web/', 'job-suffix': '-web', environment: 'web' }),
    );
    expect(main!['before_script']).toContain('cd "$CI_PROJECT_DIR/apps/web/"');
    expect(main!['after_script']).toContain('cd "$CI_PROJECT_DIR/apps/web/"');
    expect(JSON.stringify(main!['cache'])).toContain('"apps/web/package-lock.json"');
    expect(JSON.stringify(main!['cache'])).toContain('"apps/web/.nx/dte/history/"');
  });

  it('runs the last target for the agents, and all of them for the main job', () => {
    const { nx } = jobsOf(withInputs({ targets: 'lint,build,e2e-ci' }));
    const lines = [nx!['before_script'], nx!['script']].flat().map(String);
    const dry = lines
      .filter((line) => !/^npm ci|^run\(\)|NX_BASE=|export/.test(line))
      .map((line) => line.replace(/^run /, 'echo '));
    expect(execFileSync('sh', ['-ec', dry.join('\n')], { encoding: 'utf8', env: {} })).toBe(
      [
        'dte start-ci-run --distribute-on=manual --stop-agents-after=e2e-ci',
        'nx affected --base= --head= -t lint,build,e2e-ci --parallel=2\n',
      ].join('\n'),
    );
  });
});
