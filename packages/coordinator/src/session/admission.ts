import { DteError, type Hello, type WorkspaceIdentity } from '@org/dte-protocol';
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
  readonly agentsPerSession: number;
}

/** Why an agent may not join: DTE_SESSION_FINISHED, those of `compareWorkspaces`, DTE_LIMIT_REACHED; null: it may. */
export function objectionTo(hello: Hello, session: SessionToJoin): DteError | null {
  const { name, isFinished, identity, others, agentsPerSession } = session;
  if (isFinished) {
    return new DteError(
      'DTE_SESSION_FINISHED',
      `Session ${name} is finished; there is no work for the agent "${hello.name}".`,
    );
  }
  const difference = identity === null ? null : compareWorkspaces(identity, hello);
  if (difference !== null) return difference;
  if (others < agentsPerSession) return null;
  return new DteError(
    'DTE_LIMIT_REACHED',
    `${nameOf(hello)} would be agent ${agentsPerSession + 1} of session ${name} (limit agentsPerSession).`,
  );
}
