import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NxInstallError, resolveNx } from './nx-install';
import { findWorkspaceRoot } from './workspace-root';

describe('the Nx of a workspace', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'nx-install-')));
    writeFileSync(join(root, 'nx.json'), '{}');
    mkdirSync(join(root, 'packages/app/src'), { recursive: true });
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const install = (version: string): void => {
    mkdirSync(join(root, 'node_modules/nx'), { recursive: true });
    writeFileSync(join(root, 'node_modules/nx/package.json'), JSON.stringify({ name: 'nx', version }));
  };

  const failure = (): unknown => {
    try {
      return resolveNx(root);
    } catch (error) {
      return error;
    }
  };

  it('is searched for upwards, unless a variable names the folder', () => {
    expect(findWorkspaceRoot(join(root, 'packages/app/src'), {})).toBe(root);
    expect(findWorkspaceRoot(root, { NX_WORKSPACE_ROOT_PATH: '/elsewhere' })).toBe('/elsewhere');
  });

  it('is identified by its version', () => {
    install('23.3.2');
    expect(resolveNx(root)).toMatchObject({ version: '23.3.2', major: 23, workspaceRoot: root });
    expect(resolveNx(root).loadOptional('src/no-such-module')).toBeUndefined();
  });

  it.each(['19.8.14', '20.0.0', '20.7.2', '25.0.0', 'latest'])('is rejected when it is %s', (version) => {
    install(version);
    expect(failure()).toBeInstanceOf(NxInstallError);
    expect(failure()).toMatchObject({
      code: 'NX_UNSUPPORTED',
      message: expect.stringContaining(version) as string,
    });
  });

  it.each(['20.8.0', '20.8.4', '21.0.0', '24.9.1'])('is accepted when it is %s', (version) => {
    install(version);
    expect(resolveNx(root)).toMatchObject({ version });
  });
});
