import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isAtLeast, NxInstallError, resolveNx, type NxInstall } from '../install/nx-install';
import { ALIAS, RUNNER, SHIM, VENDOR_RUNNERS } from './names';
import type { SeamFindings, SeamObstacle } from './types';

type Json = Record<string, unknown>;

const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};
const asString = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const readObject = (path: string): Json => {
  try {
    return asObject(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
};

/** Nx allows comments and `extends` in nx.json, so its own reader is used if there is one. */
const readNxJson = (workspaceRoot: string, nx: NxInstall | undefined): Json => {
  try {
    const read = nx?.load<{ readNxJson: (root: string) => unknown }>('src/config/nx-json').readNxJson;
    if (read) return asObject(read(workspaceRoot));
  } catch {
    // Invalid or missing: our simple parser is good enough for a report.
  }
  return readObject(join(workspaceRoot, 'nx.json'));
};

/** The package.json above a resolved file; `exports` may hide it from require. */
const packageOf = (file: string): { name: string; version: string } | undefined => {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const { name, version } = readObject(join(folder, 'package.json'));
    if (typeof name === 'string') return { name, version: asString(version) ?? '' };
  }
  return undefined;
};

function findAlias(nx: NxInstall | undefined): string | undefined {
  if (!nx) return undefined;
  try {
    // From the folder of the module that would require it, because layouts of node_modules differ.
    const base = nx.major >= 22 ? 'dist/src/tasks-runner' : 'src/tasks-runner';
    return createRequire(join(nx.packageRoot, base, 'run-command.js')).resolve(ALIAS);
  } catch {
    return undefined;
  }
}

interface Resolved {
  readonly nx?: NxInstall;
  readonly version?: string | undefined;
  readonly obstacle?: SeamObstacle;
}

const tryResolve = (workspaceRoot: string): Resolved => {
  try {
    const nx = resolveNx(workspaceRoot);
    return { nx, version: nx.version };
  } catch (error) {
    return error instanceof NxInstallError && error.code === 'NX_UNSUPPORTED'
      ? { obstacle: 'nx-unsupported', version: error.version }
      : { obstacle: 'nx-missing' };
  }
};

type Facts = Omit<SeamFindings, 'reachable'>;

/** The first reason why this version of Nx would not call us, in the order in which Nx checks. */
function obstacle(facts: Facts, nx: NxInstall): SeamObstacle | undefined {
  // 20 requires the runner as written and ignores the rest.
  if (facts.runnerConfigured !== RUNNER) return 'runner-missing';
  if (nx.major <= 20) return undefined;
  if (facts.codexEnv && isAtLeast(nx, [21, 1])) return 'codex';
  if (isAtLeast(nx, [22, 7]) && (facts.nxNoCloud || facts.neverConnectToCloud)) return 'no-cloud';
  if (!facts.accessTokenSet) return 'access-token-missing';
  if (!facts.aliasResolves) return 'alias-missing';
  return facts.aliasIsOurs ? undefined : 'alias-foreign';
}

/**
 * Checks everything that decides whether Nx calls our runner. Prints nothing and never throws; for a workspace without
 * nx, the findings report that.
 * @param workspaceRoot absolute folder with nx.json
 */
export function inspectSeam(workspaceRoot: string, env: NodeJS.ProcessEnv = process.env): SeamFindings {
  const resolved = tryResolve(workspaceRoot);
  const { nx } = resolved;
  const nxJson = readNxJson(workspaceRoot, nx);
  const runner = asObject(asObject(nxJson['tasksRunnerOptions'])['default']);
  const alias = findAlias(nx);
  const aliasPackage = alias === undefined ? undefined : packageOf(alias);
  const facts: Facts = {
    nxVersion: resolved.version,
    runnerConfigured: asString(runner['runner']),
    aliasResolves: alias !== undefined,
    aliasPackage,
    aliasIsOurs: aliasPackage?.name === SHIM,
    accessTokenSet: Boolean(asObject(runner['options'])['accessToken']),
    nxNoCloud: env['NX_NO_CLOUD'] === 'true',
    neverConnectToCloud: nxJson['neverConnectToCloud'] === true,
    nxCloudId: asString(nxJson['nxCloudId']),
    nxCloudAccessTokenInNxJson: Boolean(nxJson['nxCloudAccessToken']),
    nxCloudAccessTokenEnv: Boolean(env['NX_CLOUD_ACCESS_TOKEN'] ?? env['NX_CLOUD_AUTH_TOKEN']),
    codexEnv: Boolean(env['CODEX_ENV_NODE_VERSION']),
    nxCloudUsed: nx && countsAsNxCloud(nxJson, env),
  };
  const reason = nx ? obstacle(facts, nx) : resolved.obstacle;
  if (reason) return { ...facts, reachable: { ok: false, reason } };
  return {
    ...facts,
    reachable: facts.nxCloudUsed ? { ok: false, reason: 'counts-as-nx-cloud' } : { ok: true },
  };
}

/** Like isNxCloudUsed of every supported version, but for the given environment. */
function countsAsNxCloud(nxJson: Json, env: NodeJS.ProcessEnv): boolean {
  if (env['NX_NO_CLOUD'] === 'true' || nxJson['neverConnectToCloud']) return false;
  const runners = Object.values(asObject(nxJson['tasksRunnerOptions'])).map(
    (entry) => asObject(entry)['runner'],
  );
  return (
    Boolean(env['NX_CLOUD_AUTH_TOKEN']) ||
    Boolean(env['NX_CLOUD_ACCESS_TOKEN']) ||
    Boolean(nxJson['nxCloudAccessToken']) ||
    Boolean(nxJson['nxCloudId']) ||
    runners.some((runner) => typeof runner === 'string' && VENDOR_RUNNERS.includes(runner))
  );
}
