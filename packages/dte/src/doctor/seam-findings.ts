import { type SeamFindings, type SeamObstacle } from '@org/dte-nx-compat';
import { note, ok, stop, type Finding } from './finding';

const NX_JSON =
  '"tasksRunnerOptions": { "default": { "runner": "@org/dte", "options": { "accessToken": "dte" } } }';
const ALIAS = 'npm install --save-dev nx-cloud@npm:@org/dte-nx-cloud-shim';

const OBSTACLES: Readonly<Record<SeamObstacle, readonly [text: string, cure: string]>> = {
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
    `Run: ${ALIAS}`,
  ],
  'alias-foreign': [
    "the installed package nx-cloud is not the alias of dte: nx would call the vendor's runner",
    `Run: ${ALIAS}`,
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

/** Whether Nx would call our runner here, and what is unusual although it would. */
export function seamFindings(seam: SeamFindings, ownVersion: string): Finding[] {
  const findings: Finding[] = [];
  const { nxVersion } = seam;
  if (nxVersion !== undefined) {
    findings.push(ok(`nx ${nxVersion}`));
  }
  if (seam.reachable.ok) findings.push(ok('Nx calls the runner @org/dte in this workspace'));
  else findings.push(stop(...OBSTACLES[seam.reachable.reason]));
  const remains = [
    seam.nxCloudId !== undefined && 'nxCloudId in nx.json',
    seam.nxCloudAccessTokenInNxJson && 'nxCloudAccessToken in nx.json',
    seam.nxCloudAccessTokenEnv && 'NX_CLOUD_ACCESS_TOKEN or NX_CLOUD_AUTH_TOKEN in the environment',
  ].filter((found) => found !== false);
  if (remains.length > 0 && (seam.reachable.ok || seam.reachable.reason !== 'counts-as-nx-cloud')) {
    findings.push(note(`left over from the vendor's service: ${remains.join(', ')}`, 'Remove it.'));
  }
  // Nx ignores these two up to 22.6, later versions do not: after the next migration, they stop distribution.
  if (seam.reachable.ok && (seam.nxNoCloud || seam.neverConnectToCloud)) {
    findings.push(
      note(
        'NX_NO_CLOUD or neverConnectToCloud is set: it disables the runner on nx 22.7 and later',
        OBSTACLES['no-cloud'][1],
      ),
    );
  }
  const shim = seam.aliasPackage;
  if (seam.aliasIsOurs && shim !== undefined && shim.version !== ownVersion) {
    findings.push(
      note(`the shim is version ${shim.version}, @org/dte is ${ownVersion}`, `Run: ${ALIAS}@${ownVersion}`),
    );
  }
  return findings;
}
