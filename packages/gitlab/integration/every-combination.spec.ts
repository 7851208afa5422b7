import { lockfilesOf, PACKAGE_MANAGERS, renderDynamicPipeline, renderGitlabFile } from '../src/pipeline';
import type { GitlabFileOptions } from '../src/pipeline/options';
import { documents, merge, pipelineProblems, schemaProblems } from '../src/pipeline/test-support/ci-schema';
import { DEFAULTS } from '../src/pipeline/test-support/options';

const VALUES = {
  dynamic: [false, true],
  formatCheck: [false, true],
  coordinator: ['embedded', 'https://dte.example.org:8443/'],
  image: [null, 'node:22'],
  artifacts: [[], ['dist', '**/coverage', '!dist/tmp']],
  tags: [[], ['docker', '64']],
  stage: ['test', 'Verify: all'],
  mainBranch: ['main', 'release/1.x'],
  agents: [1, 200],
  targets: [['build'], ['lint', 'test', 'e2e-ci--src/a b.cy.ts']],
} satisfies { [K in keyof GitlabFileOptions]?: GitlabFileOptions[K][] };

const managers = PACKAGE_MANAGERS.flatMap((packageManager) =>
  lockfilesOf(packageManager).flatMap((lockfile) =>
    [null, '1.2.3'].map((packageManagerVersion) => ({ packageManager, lockfile, packageManagerVersion })),
  ),
);

/** One for each combination in turn: another factor would only take longer. */
const FOLDERS = ['', 'apps/web', 'my web: #1'];
/** For three combinations each. */
const CACHES = ['none', 'gitlab-artifacts'] as const;
/** As above. */
const SLOTS = ['parallel', 'auto'] as const;

/** Every combination of the values, one after the other. */
function* product(values: Record<string, readonly unknown[]>): Generator<Record<string, unknown>> {
  const [first, ...others] = Object.entries(values);
  if (first === undefined) {
    yield {};
    return;
  }
  for (const rest of product(Object.fromEntries(others)))
    for (const value of first[1]) yield { ...rest, [first[0]]: value };
}

function problemsOf(options: GitlabFileOptions): string[] {
  const [pipeline] = documents(renderGitlabFile(options));
  const problems = pipelineProblems(pipeline!);
  if (!options.dynamic) return problems;
  const children = [0, options.agents].flatMap((agents) => {
    const [child] = documents(renderDynamicPipeline(options, agents));
    return [...schemaProblems(child!), ...pipelineProblems(merge(pipeline!, child!))];
  });
  return [...problems, ...children];
}

describe('what any combination of options produces', () => {
  it.each(managers)(
    'is valid for GitLab with $packageManager $packageManagerVersion and $lockfile',
    (manager) => {
      let tried = 0;
      for (const values of product(VALUES)) {
        const folder = FOLDERS[tried % FOLDERS.length]!;
        const cache = CACHES[Math.floor(tried / FOLDERS.length) % CACHES.length]!;
        const slots = SLOTS[tried % SLOTS.length]!;
        const options = { ...DEFAULTS, ...values, ...manager, folder, cache, slots };
        const problems = problemsOf(options);
        if (problems.length > 0) expect({ options, problems }).toEqual({ options, problems: [] });
        tried += 1;
      }
      expect(tried).toBe(Object.values(VALUES).reduce((count, { length }) => count * length, 1));
    },
  );
});

describe('the check itself', () => {
  const broken = (change: (text: string) => string): string[] =>
    pipelineProblems(documents(change(renderGitlabFile(DEFAULTS)))[0]!);

  it('accepts what is rendered', () => expect(broken((text) => text)).toEqual([]));

  it.each<[string, string, string]>([
    ['a cause of retry that does not exist', 'api_failure', 'bad_weather'],
    ['a keyword that does not exist', 'interruptible: true', 'interruptable: true'],
    ['too many agents', 'parallel: 3', 'parallel: 201'],
    ['an id token without audience', 'aud: dte', 'sub: dte'],
    ['a number for a text', 'image: node:22', 'image: 22'],
  ])('finds %s', (_, good, bad) => {
    expect(broken((text) => text.replaceAll(good, bad))).not.toEqual([]);
  });

  it('finds a missing job that another job needs', () => {
    expect(broken((text) => text.replace('needs: []', 'needs: [build]'))).toContain(
      'nx needs build, which is no job',
    );
  });
});
