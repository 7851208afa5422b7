import { findWorkspaceRoot, inspectSeam } from '@org/dte-nx-compat';
import { DteError, type RendezvousRecord } from '@org/dte-protocol';
import { Command } from 'commander';
import { envWithSecrets, readNxJsonOptions, resolveConfig, sessionIdOf } from '@org/dte-config';
import { environmentFindings, nodeFinding, rendezvousFindings } from '../doctor/environment-findings';
import { note, ok, stop, type Finding } from '../doctor/finding';
import { identityFindings } from '../doctor/identity-findings';
import { placementFindings } from '../doctor/placement-findings';
import { renderFindings } from '../doctor/render';
import { seamFindings } from '../doctor/seam-findings';
import { checkedOutCommit, coordinatorAnswers } from '@org/dte-runner';
import { createRendezvous } from '../edge/rendezvous';
import { readSurroundings } from '../edge/surroundings';
import { say, type Flags } from './context';
import { addFlags } from './option-flags';
import { ownVersion } from './own-version';

const EXAMPLES = `
Examples:
  $ dte doctor               # in the main job and in an agent job, with the variables of CI
  $ dte doctor --json

Exits with code 1 if something prevents distribution.`;

async function configurationFindings(flags: Flags, workspaceRoot: string): Promise<Finding[]> {
  const surroundings = readSurroundings(process.env);
  try {
    const resolved = resolveConfig({
      flags,
      env: envWithSecrets(),
      nxJson: readNxJsonOptions(workspaceRoot),
    });
    const sessionId = sessionIdOf(resolved.config, surroundings.job);
    const rendezvous = createRendezvous({ ...resolved, surroundings, workspaceRoot });
    const alive = (record: RendezvousRecord) => coordinatorAnswers(record, resolved.limits);
    return [
      ok('the configuration is valid'),
      ...resolved.warnings.map((warning) => note(warning)),
      ...(await rendezvousFindings(resolved, rendezvous, sessionId, alive)),
      ...(await identityFindings(resolved, surroundings, {
        id: sessionId,
        commit: await checkedOutCommit(workspaceRoot),
      })),
    ];
  } catch (thrown) {
    const error = DteError.from(thrown);
    return [stop(error.message, error.cure)];
  }
}

/** Loaded only here: it reads YAML, and other commands need none of it. */
async function gitlabFindings(workspaceRoot: string): Promise<Finding[]> {
  // A job is the proof that GitLab reads the files.
  if (process.env['CI_JOB_ID']) return [];
  const { inspectPlacement } = await import('@org/dte-gitlab/generators');
  return placementFindings(inspectPlacement(workspaceRoot));
}

async function doctor(flags: Flags & { json?: boolean }): Promise<void> {
  const { json = false, ...options } = flags;
  const workspaceRoot = findWorkspaceRoot();
  const findings = [
    ok(`@org/dte ${ownVersion()}`),
    nodeFinding(process.version),
    ...seamFindings(inspectSeam(workspaceRoot), ownVersion()),
    ...environmentFindings(process.env),
    ...(await configurationFindings(options, workspaceRoot)),
    ...(await gitlabFindings(workspaceRoot)),
  ];
  say(
    json ? JSON.stringify(findings, null, 2) : `dte doctor · ${workspaceRoot}\n\n${renderFindings(findings)}`,
  );
  if (findings.some(({ level }) => level === 'stop')) process.exitCode = 1;
}

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description(
      'check whether nx commands of this workspace are distributed, and how to fix what prevents it',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(doctor);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}
