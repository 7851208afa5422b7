import { nxOutputs, nxReader, nxWriter } from '@org/dte-client';
import {
  findWorkspaceRoot,
  matchProjects,
  openCache,
  runnerOptionsOf,
  type NxRunnerContext,
  type NxStatuses,
  type TaskCache,
} from '@org/dte-nx-compat';
import { DteError, type Rendezvous, type SessionSettings } from '@org/dte-protocol';
import { envWithSecrets, resolveConfig, sessionIdOf, settingsOf, type Resolved } from '@org/dte-config';
import { createAssignment, type Assignment } from '../assignment/assign';
import { loadRules } from '../assignment/load-rules';
import { ensureCoordinator } from '../embedded/ensure';
import { saysSettings } from '../embedded/says-settings';
import { tellAgentsOfMainJob } from '../embedded/tell-agents';
import { readWorkingTree, type WorkingTreeAnswer } from '../git/working-tree';
import { mayBeUnseen } from '../tasks/may-be-unseen';
import { askCheckout, jobIdOf, readIdentity, requireNx, type Checkout } from '../session/identity';
import { isHeld, startHolding } from '../session/hold';
import { openSession, type Session } from '../session/open-session';
import type { Surroundings } from '../session/surroundings';
import type { Voice } from '../report/say';

/** What a distributed command needs before it prints its first line. */
export interface Prepared {
  readonly resolved: Resolved;
  readonly workspaceRoot: string;
  readonly surroundings: Surroundings;
  readonly session: Session;
  readonly rendezvous: Rendezvous;
  readonly cache: TaskCache;
  readonly assignment: Assignment;
  /** What git says of the files here, if it was asked before. */
  readonly workingTree?: WorkingTreeAnswer | undefined;
  /** No coordinator can be reached, or the command must not use it: this job runs all of the command. */
  readonly alone: boolean;
}

/** What is decided outside the main job's own code; the package that Nx calls composes it. */
export interface Edge {
  readonly surroundings: Surroundings;
  /** @throws DteError DTE_NO_COORDINATOR if none is configured */
  createRendezvous(resolved: Resolved, workspaceRoot: string): Rendezvous;
  /** The command as Nx would run it without us. */
  runUndistributed(): Promise<NxStatuses>;
}

/**
 * If this is the main job and it has no coordinator, agents are informed through the rendezvous.
 * @throws DteError if this command cannot be distributed
 */
export async function prepare(context: NxRunnerContext, voice: Voice, edge: Edge): Promise<Prepared> {
  const workspaceRoot = findWorkspaceRoot();
  const { surroundings } = edge;
  const { job } = surroundings;
  // Git answers while modules are loaded, and while the coordinator does.
  const checkout = askCheckout(workspaceRoot);
  const resolved = resolveConfig({ env: envWithSecrets(), nxJson: runnerOptionsOf(context.nxJson) });
  resolved.warnings.forEach((warning) => voice.line(`dte: ${warning}`));
  const rendezvous = edge.createRendezvous(resolved, workspaceRoot);
  const sessionId = sessionIdOf(resolved.config, job);
  let startFailed = false;
  const onStartFailed = (): void => void (startFailed = true);
  try {
    const found = { workspaceRoot, resolved, surroundings, rendezvous, sessionId, checkout };
    return await prepareIn({ context, voice, ...found, onStartFailed });
  } catch (thrown) {
    const error = DteError.from(thrown);
    const told = await tellAgentsOfMainJob({ resolved, job, rendezvous, sessionId, startFailed }, error);
    if (told && error.code !== 'DTE_GIVEN_UP') voice.line('dte: the agents are released');
    throw error;
  }
}

interface Preparation {
  readonly context: NxRunnerContext;
  readonly voice: Voice;
  readonly workspaceRoot: string;
  readonly resolved: Resolved;
  readonly surroundings: Surroundings;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly checkout: Promise<Checkout>;
  readonly onStartFailed: () => void;
}

async function prepareIn(preparation: Preparation): Promise<Prepared> {
  const { context, voice, workspaceRoot, resolved, surroundings, rendezvous, sessionId } = preparation;
  const { onStartFailed, checkout } = preparation;
  const { job } = surroundings;
  requireNx(workspaceRoot);
  const workingTree = askWorkingTree(preparation);
  const rules = loadRules(workspaceRoot, resolved.config.assignmentRules);
  const assignment = createAssignment(rules, (patterns) =>
    matchProjects(workspaceRoot, patterns, context.projectGraph.nodes),
  );
  const note = (line: string): void => voice.line(line);
  const identity = readIdentity(workspaceRoot, resolved.config.samePlatform, checkout);
  identity.catch(() => undefined);
  const located = await ensureCoordinator({
    resolved,
    surroundings,
    rendezvous,
    sessionId,
    workspaceRoot,
    note,
    onStartFailed,
  });
  const session = await openSession({
    resolved,
    surroundings,
    sessionId,
    role: 'main',
    rendezvous,
    workspaceRoot,
    identity,
    note,
  });
  try {
    const jobId = jobIdOf(job);
    if (await saysSettings(located, jobId, () => session.http.status())) {
      const settings = settingsOf(resolved.config, jobId);
      await session.http.configure(settings);
      await session.whenOpen();
      // This command holds a connection itself while it runs.
      if (isHeld(rendezvous, job)) void hold(preparation, session, settings).catch(() => undefined);
    }
    const remoteCache = { url: session.connection.httpUrl(), token: session.connection.token() };
    const outputs = nxOutputs(workspaceRoot);
    const reader = nxReader({ http: session.http, outputs, limits: resolved.limits });
    const writer = nxWriter({ http: session.http, limits: resolved.limits });
    const cache = await openCache({ workspaceRoot, remoteCache, reader, writer });
    const base = { resolved, workspaceRoot, surroundings, session, rendezvous, cache, assignment };
    return { ...base, workingTree, alone: false };
  } catch (thrown) {
    session.close();
    throw thrown;
  }
}

/** Undefined if nothing of the command depends on it. */
function askWorkingTree({ context, resolved, workspaceRoot }: Preparation): WorkingTreeAnswer | undefined {
  const isNeeded = Object.values(context.taskGraph.tasks).some(mayBeUnseen);
  if (!isNeeded || resolved.config.onHashMismatch === 'warn') return undefined;
  const asked = readWorkingTree(workspaceRoot, resolved.limits);
  asked.catch(() => undefined);
  return asked;
}

/** Settings reopen a finished session: one that has finished since then is not reopened. */
async function hold(
  { resolved, workspaceRoot, surroundings, sessionId }: Preparation,
  session: Session,
  settings: SessionSettings,
): Promise<void> {
  const url = session.connection.url();
  if (!(await startHolding({ resolved, workspaceRoot, sessionId, url, cliPath: surroundings.cliPath })))
    return;
  if (session.info()?.state === 'open') await session.http.configure({ ...settings, held: true });
}
