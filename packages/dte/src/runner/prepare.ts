import { nxOutputs, nxReader } from '@org/dte-agent';
import {
  findWorkspaceRoot,
  matchProjects,
  openCache,
  type NxRunnerContext,
  type TaskCache,
} from '@org/dte-nx-compat';
import type { Rendezvous } from '@org/dte-protocol';
import { createAssignment, type Assignment } from '../assignment/assign';
import { loadRules } from '../assignment/load-rules';
import { resolveConfig, sessionIdOf, settingsOf, type Resolved } from '../config';
import { ensureCoordinator } from '../embedded/ensure';
import { saysSettings } from '../embedded/says-settings';
import { createRendezvous, noRendezvous } from '../rendezvous';
import { jobIdOf } from '../session/identity';
import { openSession, type Session } from '../session/open-session';
import { asRecord } from './as-record';
import type { Voice } from './say';

/** What a distributed command needs before its first line is printed. */
export interface Prepared {
  readonly resolved: Resolved;
  readonly workspaceRoot: string;
  readonly session: Session;
  readonly rendezvous: Rendezvous;
  readonly cache: TaskCache;
  readonly assignment: Assignment;
}

/** Our options as nx.json has them; `options` of the runner is mixed with the arguments of the command. */
const nxJsonOptions = (nxJson: Record<string, unknown>): Readonly<Record<string, unknown>> =>
  asRecord(asRecord(asRecord(nxJson['tasksRunnerOptions'])['default'])['options']);

/** @throws DteError whenever this command cannot be distributed */
export async function prepare(context: NxRunnerContext, voice: Voice): Promise<Prepared> {
  const workspaceRoot = findWorkspaceRoot();
  const { env } = process;
  const resolved = resolveConfig({ env, nxJson: nxJsonOptions(context.nxJson) });
  resolved.warnings.forEach((warning) => voice.line(`dte: ${warning}`));
  const rules = loadRules(workspaceRoot, resolved.config.assignmentRules);
  const assignment = createAssignment(rules, (patterns) =>
    matchProjects(workspaceRoot, patterns, context.projectGraph.nodes),
  );
  const rendezvous = createRendezvous({ ...resolved, env, workspaceRoot });
  if (rendezvous === null) throw noRendezvous(resolved.config);
  const sessionId = sessionIdOf(resolved.config, env);
  const located = await ensureCoordinator({ resolved, env, rendezvous, sessionId, workspaceRoot });
  const session = await openSession({ resolved, env, sessionId, role: 'main', rendezvous, workspaceRoot });
  try {
    const jobId = jobIdOf(env);
    if (await saysSettings(located, jobId, () => session.http.status())) {
      await session.http.configure(settingsOf(resolved.config, jobId));
      await session.whenOpen();
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
