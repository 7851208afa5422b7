import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS } from './install-majors';
import type { MainRunResult } from './scenarios/main-run';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const touch = (name: string): string =>
  `mkdir -p packages/${name}/dist && echo ${name} > packages/${name}/dist/out.txt`;
const dependent = (command: string): object => ({
  executor: 'nx:run-commands',
  dependsOn: ['^build'],
  inputs: ['default', { dependentTasksOutputFiles: '**/*.txt' }],
  options: { command },
});

const FILES = {
  ...project('base', { build: touch('base') }),
  ...project('left', { build: dependent(touch('left')) }, { implicitDependencies: ['base'] }),
  ...project('right', { build: dependent(touch('right')) }, { implicitDependencies: ['base'] }),
  ...project('top', { build: dependent(touch('top')) }, { implicitDependencies: ['left', 'right'] }),
  ...project('broken', { build: 'echo broken && exit 1' }),
};
const ALL = ['base', 'left', 'right', 'top', 'broken'].map((name) => `${name}:build`);

describe.each(NX_VERSIONS)('a part of a run on the main machine, nx %s', (version) => {
  let workspace: Workspace;
  let server: ArtifactServer;

  beforeEach(async () => {
    workspace = makeWorkspace(version, FILES);
    server = await startArtifactServer();
  });

  afterEach(async () => {
    await server.close();
    workspace.remove();
  });

  const mainRun = async (input: object) =>
    (await workspace.run<MainRunResult>('main-run', { targets: ['build'], ...input })).result;

  it('passes the whole run to Nx unchanged', async () => {
    const { statuses, calls } = await mainRun({});
    expect(statuses).toEqual({
      'base:build': 'success',
      'left:build': 'success',
      'right:build': 'success',
      'top:build': 'success',
      'broken:build': 'failure',
    });
    expect(calls[0]).toBe('startCommand');
    expect(calls.at(-1)).toBe('endCommand');
  });

  it('treats tasks outside of it as done, hashes as for the whole graph, and does not call the command hooks', async () => {
    const [whole, part] = await workspace.runEach<MainRunResult>('main-run', [
      { targets: ['build'] },
      {
        targets: ['build'],
        nxArgs: { skipNxCache: true },
        subset: { taskIds: ['left:build', 'top:build'] },
      },
    ]);
    if (!whole || !part) throw new Error('no results');
    const { result } = part;
    expect(result.statuses).toEqual({ 'left:build': 'success', 'top:build': 'success' });
    expect(result.calls.filter((call) => call.startsWith('end '))).toEqual([
      'end left:build success',
      'end top:build success',
    ]);
    expect(result.calls).not.toContain('startCommand');
    expect(result.calls).not.toContain('endCommand');
    expect(result.hashes['top:build']).toBe(whole.result.hashes['top:build']);
  });

  it('skips what depends on a failure elsewhere and calls no hook for it', async () => {
    const { statuses, calls } = await mainRun({
      subset: { taskIds: ['right:build', 'top:build'], failedTaskIds: ['left:build'] },
    });
    expect(statuses).toEqual({ 'right:build': 'success', 'top:build': 'skipped' });
    expect(calls.join('\n')).not.toContain('top:build');
  });

  it('runs nothing after a failure elsewhere if nxBail is set', async () => {
    const { statuses, calls } = await mainRun({
      nxArgs: { nxBail: true },
      subset: { taskIds: ['base:build', 'broken:build'], failedTaskIds: ['left:build'] },
    });
    expect(statuses).toEqual({ 'base:build': 'skipped', 'broken:build': 'skipped' });
    expect(calls).toEqual([]);
  });

  it('passes when the coordinator is gone', async () => {
    server.mode = 'cut';
    const { statuses } = await mainRun({
      subset: { taskIds: ALL.slice(0, 4) },
      remoteCache: { url: server.url, token: 'secret' },
    });
    expect(statuses).toEqual({
      'base:build': 'success',
      'left:build': 'success',
      'right:build': 'success',
      'top:build': 'success',
    });
    expect(server.requests.length).toBeGreaterThan(0);
    expect(existsSync(join(workspace.root, 'packages/top/dist/out.txt'))).toBe(true);
  });
});
