import { ALIAS_INSTALL, SEAM_OBSTACLES, type SeamFindings } from '@org/dte-nx-compat';
import { note, ok, stop, type Finding } from './finding';

/** Whether Nx would call our runner here, and what is unusual although it would. */
export function seamFindings(seam: SeamFindings, ownVersion: string): Finding[] {
  const findings: Finding[] = [];
  const { nxVersion } = seam;
  if (nxVersion !== undefined) {
    findings.push(ok(`nx ${nxVersion}`));
  }
  if (seam.reachable.ok) findings.push(ok('Nx calls the runner @org/dte in this workspace'));
  else findings.push(stop(...SEAM_OBSTACLES[seam.reachable.reason]));
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
        SEAM_OBSTACLES['no-cloud'][1],
      ),
    );
  }
  const shim = seam.aliasPackage;
  if (seam.aliasIsOurs && shim !== undefined && shim.version !== ownVersion) {
    findings.push(
      note(
        `the shim is version ${shim.version}, @org/dte is ${ownVersion}`,
        `Run: ${ALIAS_INSTALL}@${ownVersion}`,
      ),
    );
  }
  return findings;
}
