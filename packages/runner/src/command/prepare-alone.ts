import {
  findWorkspaceRoot,
  matchProjects,
  openCache,
  runnerOptionsOf,
  type NxRunnerContext,
} from '@org/dte-nx-compat';
import { envWithSecrets, resolveConfig, sessionIdOf } from '@org/dte-config';
import type { DteError } from '@org/dte-protocol';
import { createAssignment } from '../assignment/assign';
import { inspectRules } from '../assignment/load-rules';
import { dataDirOf } from '../data-folder/data-folder';
import { readRecord, recordPath } from '../main-disk/made-record';
import { openMainDisk } from '../main-disk/open-main-disk';
import { noSession } from '../session/no-session';
import type { Edge, Prepared } from '../prepare/prepare';

/**
 * For a command that cannot be distributed, or must not be. Nx alone would run it without a look at what earlier commands of this job have left on
 * agents or in the store (`restoreOutputs`), and a deployment of an empty folder would succeed; and it would take from this machine's cache what
 * another pipeline has made, although `cacheTrust` says that it must be made in this one.
 * @param why it is not distributed
 * @returns null if nothing was left elsewhere, and `cacheTrust` says nothing: then Nx alone does the right thing
 * @throws what Nx throws when its cache cannot be opened
 */
export async function prepareAlone(
  context: NxRunnerContext,
  edge: Pick<Edge, 'surroundings' | 'createRendezvous'>,
  why: DteError,
): Promise<Prepared | null> {
  // Nothing of ours can have run before with such an Nx.
  if (why.code === 'DTE_NX_UNSUPPORTED') return null;
  const found = sessionOf(context, edge);
  if (found === null) return null;
  const { workspaceRoot, resolved, sessionId } = found;
  const record = await readRecord(recordPath(dataDirOf(resolved, workspaceRoot), sessionId));
  const isLimited = Object.keys(resolved.config.cacheTrust).length > 0;
  if (!isLimited && [...record.values()].every(({ absentIn }) => absentIn === null)) return null;
  const session = noSession(sessionId, why, resolved.limits);
  const cache = await openCache({ workspaceRoot });
  const absent = await openMainDisk({ resolved, workspaceRoot, session, cache }).absentSoFar();
  if (!isLimited && absent.length === 0) return null;
  // Rules that cannot be read may be the reason why.
  const { rules, problems } = inspectRules(workspaceRoot, resolved.config.assignmentRules);
  const assignment = createAssignment(problems.length === 0 ? rules : [], (patterns) =>
    matchProjects(workspaceRoot, patterns, context.projectGraph.nodes),
  );
  const { surroundings } = edge;
  return { ...found, surroundings, session, cache, assignment, alone: true };
}

/** The session whose commands have run here before; null where not even that is known. */
function sessionOf(
  context: NxRunnerContext,
  { surroundings, createRendezvous }: Pick<Edge, 'surroundings' | 'createRendezvous'>,
): (Pick<Prepared, 'workspaceRoot' | 'resolved' | 'rendezvous'> & { readonly sessionId: string }) | null {
  try {
    const workspaceRoot = findWorkspaceRoot();
    const resolved = resolveConfig({ env: envWithSecrets(), nxJson: runnerOptionsOf(context.nxJson) });
    const rendezvous = createRendezvous(resolved, workspaceRoot);
    return { workspaceRoot, resolved, rendezvous, sessionId: sessionIdOf(resolved.config, surroundings.job) };
  } catch {
    return null;
  }
}
