import type { SeamObstacle } from './types';

const NX_JSON =
  '"tasksRunnerOptions": { "default": { "runner": "@org/dte", "options": { "accessToken": "dte" } } }';
/** Installs our shim under the name that Nx requires. */
export const ALIAS_INSTALL = 'npm install --save-dev nx-cloud@npm:@org/dte-nx-cloud-shim';

/** Why Nx would not call our runner, and what to do, for users. */
export const SEAM_OBSTACLES: Readonly<Record<SeamObstacle, readonly [text: string, cure: string]>> = {
  'nx-missing': [
    'nx is not installed in this workspace',
    'Install the packages (npm ci) first, and run the doctor in the workspace.',
  ],
  'nx-unsupported': ['this version of nx is not supported', 'Use nx 20.8.0 or later, up to 24.'],
  'runner-missing': [
    'nx.json does not name @org/dte as the tasks runner',
    `Add to nx.json: ${NX_JSON}. (\`nx migrate\` across 21 removes it; add it again.)`,
  ],
  'access-token-missing': [
    'nx.json has no options.accessToken, without which nx 21 and later do not call a runner',
    `Add to nx.json: ${NX_JSON}. It is a switch, not a secret; any text works.`,
  ],
  'alias-missing': [
    'nothing is installed under the name nx-cloud, where nx 21 and later look for the runner',
    `Run: ${ALIAS_INSTALL}`,
  ],
  'alias-foreign': [
    "the installed package nx-cloud is not the alias of dte: nx would call the vendor's runner",
    `Run: ${ALIAS_INSTALL}`,
  ],
  'no-cloud': [
    'NX_NO_CLOUD=true or "neverConnectToCloud": true disables the runner on nx 22.7 and later',
    'Remove them: with this nx.json, nothing is sent anywhere even without them.',
  ],
  codex: ['CODEX_ENV_NODE_VERSION makes nx use its own runner', 'Unset it in CI.'],
  'counts-as-nx-cloud': [
    "Nx assumes that this workspace uses the vendor's service and would contact it",
    'Remove nxCloudId, nxCloudAccessToken and "runner": "nx-cloud" from nx.json, and NX_CLOUD_ACCESS_TOKEN and NX_CLOUD_AUTH_TOKEN from the environment.',
  ],
};
