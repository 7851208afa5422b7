import type { Rendezvous, RendezvousRecord } from '@org/dte-protocol';
import type { Env, Resolved } from '@org/dte-config';
import { isLoopback } from '@org/dte-runner';
import { note, ok, stop, type Finding } from './finding';

/** As in `engines` of the package. Not configurable. */
const OLDEST_NODE = 20;

export function nodeFinding(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1]);
  return major >= OLDEST_NODE
    ? ok(`node ${version}`)
    : stop(`node ${version} is too old`, `Use Node ${OLDEST_NODE} or later.`);
}

/** @param hasSplitTargets null if unknown */
export function environmentFindings(env: Env, hasSplitTargets: boolean | null): Finding[] {
  const findings: Finding[] = [];
  if (env['DTE_EXECUTOR']) {
    findings.push(
      stop(
        'DTE_EXECUTOR is set, so this process is treated as a task of an agent',
        'Unset it; agents set it for the tasks they run.',
      ),
    );
  }
  if (hasSplitTargets !== false && env['NX_SKIP_ATOMIZER_VALIDATION'] !== 'true') {
    findings.push(
      note(
        'Nx refuses split targets (such as e2e-ci) in this environment',
        'If you have split targets, set NX_SKIP_ATOMIZER_VALIDATION=true in the main job.',
      ),
    );
  }
  return findings;
}

/** Can the main job and its agents find each other? */
export async function rendezvousFindings(
  resolved: Resolved,
  rendezvous: Rendezvous | null,
  sessionId: string,
  isAlive: (record: RendezvousRecord) => Promise<boolean>,
): Promise<Finding[]> {
  if (rendezvous === null) {
    return [
      stop(
        'no coordinator is configured: every command runs undistributed',
        'Set DTE_RENDEZVOUS=gitlab-packages (in GitLab jobs), DTE_RENDEZVOUS_DIR (a folder that all jobs share) or DTE_COORDINATOR_URL (address of a running coordinator) in every job.',
      ),
    ];
  }
  const findings = [ok(`session ${sessionId}, rendezvous ${rendezvous.kind}`)];
  const record = await rendezvous.find(sessionId);
  if (record === null) {
    findings.push(
      ok('no coordinator yet: the first nx command of the main job, or dte start-ci-run, starts one'),
    );
    return findings;
  }
  if (record.state === 'finished') {
    findings.push(
      note(
        'the session is finished and its coordinator has left: agents that start now have nothing to do',
        'In the main job, nothing: it opens the session again. Retry agent jobs after it.',
      ),
    );
    return findings;
  }
  if (await isAlive(record)) findings.push(ok(`the coordinator at ${record.url} answers`));
  else if (rendezvous.isAddressGiven) {
    findings.push(
      stop(
        `the coordinator at ${record.url} does not answer`,
        'Start it (dte coordinator), or correct DTE_COORDINATOR_URL. Check that no firewall blocks this job.',
      ),
    );
  } else {
    findings.push(
      note(
        `the coordinator published for this session (${record.url}) does not answer`,
        'In the main job, nothing: it starts a new one. In an agent job, set DTE_HOST and DTE_ADVERTISED_URL in the main job so that this machine can reach it.',
      ),
    );
  }
  return [...findings, ...proofFindings(resolved, record, rendezvous)];
}

/** What two machines need to authenticate each other. */
function proofFindings(
  { config: { secret, idToken } }: Resolved,
  { url }: RendezvousRecord,
  { isAddressGiven }: Rendezvous,
): Finding[] {
  if (isLoopback(new URL(url).hostname) || secret !== undefined) return [];
  if (idToken === undefined) {
    return [
      stop(
        'the coordinator is on another machine, and this job has neither an id token nor a secret',
        'Add the keyword `id_tokens: DTE_ID_TOKEN: aud: dte` to every job, or set DTE_SECRET in every job (a masked variable of the project).',
      ),
    ];
  }
  if (isAddressGiven && url.startsWith('http:')) {
    return [
      note(
        'the id token and outputs are sent to the coordinator unencrypted',
        'Put a proxy with a certificate in front of the coordinator and use its https address, unless you trust the network.',
      ),
    ];
  }
  return [];
}
