import { DteError } from '@org/dte-protocol';
import type { AttemptNumber } from '@org/dte-scheduler';
import { type ArtifactKey, describeKey } from '../artifacts/artifact-store';
import type { Claims } from '../auth/token';
import type { SessionRegistry } from '../session/registry';

/**
 * An agent may store only artifacts of tasks that it currently holds. The main job defines the graph and the tasks, so
 * it may store anything.
 * @returns the attempts of an agent that the artifact may be of
 * @throws DteError DTE_NOT_HELD
 */
export async function requireOwn(
  registry: SessionRegistry,
  { role, sessionId, clientId }: Claims,
  key: ArtifactKey,
): Promise<AttemptNumber[]> {
  if (role !== 'agent') return [];
  const session = await registry.find(sessionId);
  const attempts =
    key.kind === 'attempt'
      ? [key].filter((attempt) => session?.holds(clientId, attempt))
      : (session?.storingAttempts(clientId, key.hash) ?? []);
  if (attempts.length > 0) return attempts;
  throw new DteError(
    'DTE_NOT_HELD',
    `Agent ${clientId} has no task assigned that could store ${describeKey(key)}; nothing was stored.`,
  );
}
