import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/*
 * On a developer's machine, the plugin must do nothing. Tested in a separate process, because every loaded module
 * counts, and jest loads its own.
 */
const PACKAGES = join(__dirname, '..', '..');
const BUILT = join(PACKAGES, 'dte', 'dist', 'index.js');
const PROGRAM = `
const runner = require(${JSON.stringify(BUILT)}).default;
runner(['task'], { lifeCycle: {} }, { nxArgs: {} }).then((statuses) => {
  const loaded = Object.keys(require.cache).filter((path) => !path.startsWith(process.cwd()));
  console.log(JSON.stringify({ statuses, loaded }));
});
`;

describe('the runner without a CI session', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-laptop-'));
    mkdirSync(join(root, 'node_modules/nx/tasks-runners'), { recursive: true });
    writeFileSync(join(root, 'nx.json'), '{}');
    writeFileSync(
      join(root, 'node_modules/nx/tasks-runners/default.js'),
      "exports.default = async (tasks) => ({ by: 'nx', tasks });",
    );
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("is Nx's own runner, prints nothing and loads four small files: no zod, no ws, and of nx-compat only how to find the workspace", () => {
    const env = { PATH: process.env['PATH'] };
    const output = execFileSync(process.execPath, ['-e', PROGRAM], { encoding: 'utf8', env, cwd: root });
    const { statuses, loaded } = JSON.parse(output) as { statuses: unknown; loaded: string[] };
    expect(statuses).toEqual({ by: 'nx', tasks: ['task'] });
    expect(loaded.map((path) => relative(PACKAGES, path)).sort()).toEqual([
      'dte/dist/index.js',
      'dte/dist/tasks-runner/activity.js',
      'dte/dist/tasks-runner/default-runner.js',
      'nx-compat/dist/install/workspace-root.js',
    ]);
  });
});
