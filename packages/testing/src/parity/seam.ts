import { parseNxJson } from '@org/dte-nx-compat';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Install, linkFolder, type Machine } from '../workspace';

const SHIM = 'nx-cloud';
const PRODUCT = '@org/dte';
const CLI = 'dist/cli/main.js';

type Json = Record<string, unknown>;

const asJson = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

function rewrite(machine: Machine, change: (nxJson: Json) => void): void {
  const text = machine.read('nx.json');
  const nxJson = parseNxJson(text);
  const before = JSON.stringify(nxJson);
  change(nxJson);
  if (JSON.stringify(nxJson) !== before) machine.write('nx.json', `${JSON.stringify(nxJson, null, 2)}\n`);
}

/** Git does not see the change to nx.json: commits, changes and affected projects are those of the other machines. */
async function hideChange(machine: Machine): Promise<void> {
  const exit = await machine.run('git', ['update-index', '--skip-worktree', 'nx.json'], { name: 'git' });
  if (exit.code !== 0) throw new Error(`git update-index failed:\n${exit.output}`);
}

function withoutVendor(nxJson: Json): Json {
  const { default: runner, ...others } = asJson(nxJson['tasksRunnerOptions']);
  const { accessToken: _token, ...options } = asJson(asJson(runner)['options']);
  delete nxJson['nxCloudId'];
  delete nxJson['nxCloudAccessToken'];
  if (runner !== undefined || Object.keys(others).length > 0)
    nxJson['tasksRunnerOptions'] = { ...others, default: { options } };
  return options;
}

/** The workspace unchanged, except that a vendor's service is disabled: nothing is sent to anybody. */
export async function makePlain(machine: Machine): Promise<void> {
  rewrite(machine, (nxJson) => {
    if ('nxCloudId' in nxJson || 'nxCloudAccessToken' in nxJson || 'tasksRunnerOptions' in nxJson)
      withoutVendor(nxJson);
  });
  await hideChange(machine);
}

/** nx.json as `setup-gitlab` writes it. Its packages must exist: `addPackages` if the install has none. */
export async function makeDistributed(machine: Machine): Promise<void> {
  rewrite(machine, (nxJson) => {
    const options = withoutVendor(nxJson);
    delete nxJson['neverConnectToCloud'];
    nxJson['tasksRunnerOptions'] = {
      ...asJson(nxJson['tasksRunnerOptions']),
      default: { runner: PRODUCT, options: { ...options, accessToken: 'dte' } },
    };
  });
  await hideChange(machine);
}

/**
 * Adds our packages to the node_modules of an existing workspace. Their dependencies are below node_modules/@org/dte:
 * nothing of the workspace is replaced, and the only nx that they find is the workspace's.
 * @param ours the result of `install({ nx: null })`
 */
export function addPackages(ours: Install, workspace: string): void {
  const modules = join(workspace, 'node_modules');
  const source = join(ours, 'node_modules');
  const product = join(modules, PRODUCT);
  for (const path of [product, join(modules, SHIM)]) rmSync(path, { recursive: true, force: true });
  linkFolder(join(source, PRODUCT), product);
  linkFolder(join(source, SHIM), join(modules, SHIM));
  for (const name of readdirSync(source)) {
    if (name.startsWith('.') || name === SHIM) continue;
    const [scope, ofScope] = [join(source, name), join(product, 'node_modules', name)];
    const names = name.startsWith('@') ? readdirSync(scope).map((inner) => join(name, inner)) : [name];
    mkdirSync(name.startsWith('@') ? ofScope : join(product, 'node_modules'), { recursive: true });
    for (const inner of names) {
      if (inner !== PRODUCT) linkFolder(join(source, inner), join(product, 'node_modules', inner));
    }
  }
  const command = join(modules, '.bin', 'dte');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  if (existsSync(command) || lstatSync(command, { throwIfNoEntry: false })) rmSync(command);
  symlinkSync(join('..', PRODUCT, CLI), command);
}
