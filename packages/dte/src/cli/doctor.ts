import { findWorkspaceRoot, inspectSeam, type SeamFindings } from '@org/dte-nx-compat';
import { DteError, LIMITS, type RendezvousRecord } from '@org/dte-protocol';
import { Command } from 'commander';
import { envWithSecrets, readNxJsonOptions, resolveConfig, sessionIdOf } from '@org/dte-config';
import { cacheFindings } from '../doctor/cache-findings';
import { environmentFindings, nodeFinding, rendezvousFindings } from '../doctor/environment-findings';
import { note, ok, stop, type Finding } from '../doctor/finding';
import { identityFindings } from '../doctor/identity-findings';
import { pipelineFindings } from '../doctor/pipeline-findings';
import { placeOf, type Place } from '../doctor/place';
import { placementFindings } from '../doctor/placement-findings';
import { renderFindings } from '../doctor/render';
import { seamFindings } from '../doctor/seam-findings';
import { checkedOutCommit, coordinatorAnswers, projectsOf } from '@org/dte-runner';
import { createRendezvous } from '../edge/rendezvous';
import { readSurroundings } from '../edge/surroundings';
import { say, type Flags } from './context';
import { addFlags } from './option-flags';
import { ownVersion } from './own-version';

const EXAMPLES = `
Examples:
  $ dte doctor               # in the main job and in an agent job, with the variables of CI
  $ dte doctor --json
  $ dte doctor               # on your own machine: is everything set up, and what will the pipeline run?

Exits with code 1 if something prevents distribution.`;

async function configurationFindings(flags: Flags, workspaceRoot: string, place: Place): Promise<Finding[]> {
  const surroundings = readSurroundings(process.env);
  try {
    const resolved = resolveConfig({
      flags,
      env: envWithSecrets(),
      nxJson: readNxJsonOptions(workspaceRoot),
    });
    const checked = [
      ok('the configuration is valid'),
      ...resolved.warnings.map((warning) => note(warning)),
      ...(await cacheFindings(resolved.config, workspaceRoot)),
    ];
    // The jobs of a pipeline have a coordinator and tokens; here nothing is distributed.
    if (place === 'laptop') return checked;
    const sessionId = sessionIdOf(resolved.config, surroundings.job);
    const rendezvous = createRendezvous({ ...resolved, surroundings, workspaceRoot });
    const alive = (record: RendezvousRecord) => coordinatorAnswers(record, resolved.limits);
    return [
      ...checked,
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

/** Facts from the project graph; none if there is no Nx that could build it. */
async function workspaceFindings(
  workspaceRoot: string,
  seam: SeamFindings,
  place: Place,
): Promise<Finding[]> {
  const { env } = process;
  const unsupported = ['nx-missing', 'nx-unsupported'];
  const hasNx = seam.reachable.ok || !unsupported.includes(seam.reachable.reason);
  if (!hasNx) return environmentFindings(env, place === 'laptop' ? false : null);
  try {
    const nodes = await projectsOf(workspaceRoot, env, LIMITS.planMs.value);
    // Only here: every other command starts faster without the generators' parsers.
    const { inspectPipeline, inspectPlacement } = await import('@org/dte-gitlab/generators');
    const pipeline = inspectPipeline(workspaceRoot, nodes);
    return [
      // The jobs' variables are in the pipeline's own files.
      ...environmentFindings(env, place === 'job' && pipeline.hasSplitTargets),
      ...pipelineFindings(pipeline, place),
      // A job is the proof that GitLab reads the files.
      ...(place === 'laptop' && !pipeline.isLeftOut
        ? placementFindings(inspectPlacement(workspaceRoot))
        : []),
    ];
  } catch (thrown) {
    const error = DteError.from(thrown);
    return [
      ...environmentFindings(env, null),
      stop(
        `Nx cannot build the project graph, so no nx command works here: ${error.message}`,
        'Run `npx nx graph --file=graph.json`, and fix what it reports.',
      ),
    ];
  }
}

async function doctor(flags: Flags & { json?: boolean }): Promise<void> {
  const { json = false, ...options } = flags;
  const workspaceRoot = findWorkspaceRoot();
  const place = placeOf(process.env, options);
  const seam = inspectSeam(workspaceRoot);
  const findings = [
    ok(`@org/dte ${ownVersion()}`),
    nodeFinding(process.version),
    ...seamFindings(seam, ownVersion()),
    ...(await workspaceFindings(workspaceRoot, seam, place)),
    ...(await configurationFindings(options, workspaceRoot, place)),
  ];
  say(
    json
      ? JSON.stringify(findings, null, 2)
      : `dte doctor · ${workspaceRoot}\n\n${renderFindings(findings, place)}`,
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
