import { DteError, type Hello, type LimitValues, type WorkspaceIdentity } from '@org/dte-protocol';
import { nameOf } from './peer';
import { compareWorkspaces } from './workspace-identity';

/** What decides whether an agent may join. */
export interface SessionToJoin {
  readonly name: string;
  readonly isFinished: boolean;
  /** Null until a main job has defined it. */
  readonly identity: WorkspaceIdentity | null;
  /** Agents that are connected, without this one. */
  readonly others: number;
  readonly limits: Pick<LimitValues, 'agentsPerSession'>;
}

/**
 * May this agent join?
 * @throws DteError DTE_SESSION_FINISHED, those of `compareWorkspaces`, DTE_LIMIT_REACHED
 */
export function requireAdmission(hello: Hello, session: SessionToJoin): void {
  const { name, isFinished, identity, others } = session;
  const { agentsPerSession } = session.limits;
  if (isFinished) {
    throw new DteError(
      'DTE_SESSION_FINISHED',
      `Session ${name} is finished; there is no work for the agent "${hello.name}".`,
    );
  }
  const difference = identity === null ? null : compareWorkspaces(identity, hello);
  if (difference !== null) throw difference;
  if (others < agentsPerSession) return;
  throw new DteError(
    'DTE_LIMIT_REACHED',
    `${nameOf(hello)} would be agent ${agentsPerSession + 1} of session ${name} (limit agentsPerSession).`,
  );
}
