import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspectPlacement } from '@org/dte-gitlab/generators';
import { placementFindings } from './placement-findings';

const ENTERS = 'nx:\n  script:\n    - cd "$CI_PROJECT_DIR"/apps/web\n';
const INCLUDE = 'include:\n  - local: apps/web/.gitlab/dte.yml\n';
const OURS = 'apps/web/.gitlab/dte.yml';

describe('the doctor in a workspace below the root of its repository', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'placement-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const found = (files: Record<string, string>): string[] => {
    for (const [path, text] of Object.entries({ '.git/HEAD': '', 'apps/web/nx.json': '{}', ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return placementFindings(inspectPlacement(join(root, 'apps/web'))).map(
      ({ level, text }) => `${level}: ${text}`,
    );
  };

  it.each<[string, Record<string, string>, string[]]>([
    ['nothing was generated', {}, []],
    ['all is well', { [OURS]: ENTERS, '.gitlab-ci.yml': INCLUDE }, []],
    [
      'all is well through another file',
      { [OURS]: ENTERS, '.gitlab-ci.yml': 'include: /ci/all.yml\n', 'ci/all.yml': INCLUDE },
      [],
    ],
    ['a pattern covers it', { [OURS]: ENTERS, '.gitlab-ci.yml': "include: 'apps/*/.gitlab/*.yml'\n" }, []],
    [
      'an earlier version wrote both files into the workspace',
      { [OURS]: 'nx: {}\n', 'apps/web/.gitlab-ci.yml': 'include:\n  - local: .gitlab/dte.yml\n' },
      [
        'stop: GitLab does not read .gitlab/dte.yml: ../../.gitlab-ci.yml does not include it',
        "note: GitLab reads ../../.gitlab-ci.yml, and not the file with this name in apps/web, unless the project's settings name it",
      ],
    ],
    [
      'another project may lead to it',
      { [OURS]: ENTERS, '.gitlab-ci.yml': 'include:\n  - project: ci\n    file: all.yml\n' },
      [
        'note: no include of .gitlab/dte.yml was found: GitLab reads it only if an include of another project leads to it',
      ],
    ],
    [
      'the workspace was moved, or its jobs are those of an earlier version',
      { [OURS]: 'nx: {}\n', '.gitlab-ci.yml': INCLUDE },
      ['stop: the jobs in .gitlab/dte.yml do not begin in apps/web, where the workspace is'],
    ],
  ])('%s', (_, files, expected) => expect(found(files)).toEqual(expected));
});
