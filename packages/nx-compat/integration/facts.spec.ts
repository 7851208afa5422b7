import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NX_VERSIONS, nodeModulesOf, type NxVersion } from './install-majors';
import type { SeamFindings } from '../src';
import { isAtLeast } from '../src/install/nx-install';
import type { CanaryRunResult } from './scenarios/canary';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const CONFIGURED = JSON.stringify({
  tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
});

/** As a package manager installs the alias: in a node_modules of the workspace's own, next to a copy of nx. */
function installAlias(workspace: Workspace, version: NxVersion, name: string): void {
  const own = join(workspace.root, 'node_modules');
  rmSync(own);
  mkdirSync(join(own, 'nx-cloud'), { recursive: true });
  writeFileSync(
    join(own, 'nx-cloud/package.json'),
    JSON.stringify({ name, version: '1.2.3', main: 'index.js' }),
  );
  writeFileSync(join(own, 'nx-cloud/index.js'), 'module.exports = () => ({});');
  const installed = nodeModulesOf(version);
  for (const entry of readdirSync(installed)) {
    if (entry !== 'nx' && !entry.startsWith('.')) symlinkSync(join(installed, entry), join(own, entry));
  }
  // If this were a link, nx would be found at its target, where there is no alias.
  mkdirSync(join(own, 'nx'));
  copyFileSync(join(installed, 'nx/package.json'), join(own, 'nx/package.json'));
  for (const entry of readdirSync(join(installed, 'nx'))) {
    if (entry !== 'package.json') symlinkSync(join(installed, 'nx', entry), join(own, 'nx', entry));
  }
}

describe.each(NX_VERSIONS)('facts about nx %s', (version) => {
  let workspace: Workspace;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isFrom = (...first: [number, number]): boolean => isAtLeast({ major, minor }, first);

  beforeEach(() => {
    workspace = makeWorkspace(version, { 'nx.json': CONFIGURED, ...project('a', { build: 'echo a' }) });
  });

  afterEach(() => {
    workspace.remove();
  });

  /** The result with each of these environments. */
  const seams = async (...envs: NodeJS.ProcessEnv[]) => {
    const inputs = envs.map((env) => ({ env }));
    return (await workspace.runEach<SeamFindings>('seam', inputs)).map(({ result }) => result);
  };

  it('still hold', async () => {
    const { result } = await workspace.run<CanaryRunResult>('canary');
    expect(result.failed).toEqual({});
    expect(result.ran).toBeGreaterThan(8);
  });

  it('show that Nx calls the dte runner when alias and token are set', async () => {
    installAlias(workspace, version, '@org/dte-nx-cloud-shim');
    expect((await seams({}))[0]).toMatchObject({
      nxVersion: version,
      runnerConfigured: '@org/dte',
      aliasResolves: true,
      aliasPackage: { name: '@org/dte-nx-cloud-shim', version: '1.2.3' },
      aliasIsOurs: true,
      accessTokenSet: true,
      nxCloudUsed: false,
      reachable: { ok: true },
    });
  });

  it('show why Nx does not call the runner', async () => {
    const later = (reason: string): object => ({
      reachable: major === 20 ? { ok: true } : { ok: false, reason },
    });
    const [bare, codex, token] = await seams(
      {},
      { CODEX_ENV_NODE_VERSION: '20' },
      { NX_CLOUD_AUTH_TOKEN: 'x' },
    );
    expect(bare).toMatchObject({ aliasResolves: false, ...later('alias-missing') });
    expect(codex).toMatchObject({
      codexEnv: true,
      ...later(isFrom(21, 1) ? 'codex' : 'alias-missing'),
    });
    expect(token).toMatchObject({ nxCloudAccessTokenEnv: true });
    installAlias(workspace, version, 'nx-cloud');
    const [foreign, noCloud] = await seams({}, { NX_NO_CLOUD: 'true' });
    expect(foreign).toMatchObject({ aliasIsOurs: false, ...later('alias-foreign') });
    expect(noCloud).toMatchObject({
      nxNoCloud: true,
      ...later(isFrom(22, 7) ? 'no-cloud' : 'alias-foreign'),
    });
    workspace.write({ 'nx.json': '{}' });
    expect((await seams({}))[0]).toMatchObject({ reachable: { ok: false, reason: 'runner-missing' } });
  });
});
