import { DteError } from '@org/dte-protocol';
import { type ArtifactKey, describeKey } from '../artifacts/artifact-store';
import type { Claims } from '../auth/token';
import type { SessionRegistry } from '../session/registry';

/**
 * An agent may store only artifacts of tasks that it currently holds. The main job defines the graph and the tasks, so
 * it may store anything.
 * @throws DteError DTE_NOT_HELD
 */
export async function requireOwn(
  registry: SessionRegistry,
  { role, sessionId, clientId }: Claims,
  key: ArtifactKey,
): Promise<void> {
  if (role !== 'agent') return;
  const session = await registry.find(sessionId);
  const isOwn =
    key.kind === 'attempt' ? session?.holds(clientId, key) : session?.mayStore(clientId, key.hash);
  if (isOwn === true) return;
  throw new DteError(
    'DTE_NOT_HELD',
    `Agent ${clientId} has no task assigned that could store ${describeKey(key)}; nothing was stored.`,
  );
}
