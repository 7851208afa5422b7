import { nxOutputs, nxReader } from '@org/dte-client';
import {
  findWorkspaceRoot,
  matchProjects,
  openCache,
  runnerOptionsOf,
  type NxRunnerContext,
  type TaskCache,
} from '@org/dte-nx-compat';
import { DteError, type Rendezvous, type SessionSettings } from '@org/dte-protocol';
import { createAssignment, type Assignment } from '../../assignment/assign';
import { loadRules } from '../../assignment/load-rules';
import { envWithSecrets, resolveConfig, sessionIdOf, settingsOf, type Resolved } from '@org/dte-config';
import { ensureCoordinator } from '../../embedded/ensure';
import { saysSettings } from '../../embedded/says-settings';
import { tellAgentsOfMainJob } from '../../embedded/tell-agents';
import { createRendezvous, noRendezvous } from '../../rendezvous';
import { jobIdOf, requireNx } from '../../session/identity';
import { isHeld, startHolding } from '../../session/hold';
import { openSession, type Session } from '../../session/open-session';
import type { Voice } from '../report/say';

/** What a distributed command needs before its first line is printed. */
export interface Prepared {
  readonly resolved: Resolved;
  readonly workspaceRoot: string;
  readonly session: Session;
  readonly rendezvous: Rendezvous;
  readonly cache: TaskCache;
  readonly assignment: Assignment;
}

/**
 * Agents hear of it by the rendezvous when this is the main job and has no coordinator to distribute anything.
 * @throws DteError whenever this command cannot be distributed
 */
export async function prepare(context: NxRunnerContext, voice: Voice): Promise<Prepared> {
  const workspaceRoot = findWorkspaceRoot();
  const { env } = process;
  const resolved = resolveConfig({ env: envWithSecrets(), nxJson: runnerOptionsOf(context.nxJson) });
  resolved.warnings.forEach((warning) => voice.line(`dte: ${warning}`));
  const rendezvous = createRendezvous({ ...resolved, env, workspaceRoot });
  if (rendezvous === null) throw noRendezvous(resolved.config);
  const sessionId = sessionIdOf(resolved.config, env);
  let startFailed = false;
  const onStartFailed = (): void => void (startFailed = true);
  try {
    return await prepareIn({ context, voice, workspaceRoot, resolved, rendezvous, sessionId, onStartFailed });
  } catch (thrown) {
    const error = DteError.from(thrown);
    const told = await tellAgentsOfMainJob({ resolved, env, rendezvous, sessionId, startFailed }, error);
    if (told && error.code !== 'DTE_GIVEN_UP')
      voice.line('dte: agents are told that there is no work for them');
    throw error;
  }
}

interface Preparation {
  readonly context: NxRunnerContext;
  readonly voice: Voice;
  readonly workspaceRoot: string;
  readonly resolved: Resolved;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly onStartFailed: () => void;
}

async function prepareIn(preparation: Preparation): Promise<Prepared> {
  const { context, voice, workspaceRoot, resolved, rendezvous, sessionId, onStartFailed } = preparation;
  const { env } = process;
  requireNx(workspaceRoot);
  const rules = loadRules(workspaceRoot, resolved.config.assignmentRules);
  const assignment = createAssignment(rules, (patterns) =>
    matchProjects(workspaceRoot, patterns, context.projectGraph.nodes),
  );
  const note = (line: string): void => voice.line(line);
  const located = await ensureCoordinator({
    resolved,
    env,
    rendezvous,
    sessionId,
    workspaceRoot,
    note,
    onStartFailed,
  });
  const session = await openSession({
    resolved,
    env,
    sessionId,
    role: 'main',
    rendezvous,
    workspaceRoot,
    note,
  });
  try {
    const jobId = jobIdOf(env);
    if (await saysSettings(located, jobId, () => session.http.status())) {
      const settings = settingsOf(resolved.config, jobId);
      await session.http.configure(settings);
      await session.whenOpen();
      // This command is connected itself while it lasts.
      if (isHeld(rendezvous, env)) void hold(preparation, session, settings).catch(() => undefined);
    }
    const remoteCache = { url: session.connection.httpUrl(), token: session.connection.token() };
    const outputs = nxOutputs(workspaceRoot);
    const reader = nxReader({ http: session.http, outputs, limits: resolved.limits });
    const cache = await openCache({ workspaceRoot, remoteCache, reader });
    return { resolved, workspaceRoot, session, rendezvous, cache, assignment };
  } catch (thrown) {
    session.close();
    throw thrown;
  }
}

/** Settings begin a finished session anew: one that has ended meanwhile is left as it is. */
async function hold(
  { resolved, workspaceRoot, sessionId }: Preparation,
  session: Session,
  settings: SessionSettings,
): Promise<void> {
  const url = session.connection.url();
  if (!(await startHolding({ resolved, workspaceRoot, sessionId, url }))) return;
  if (session.info()?.state === 'open') await session.http.configure({ ...settings, held: true });
}
