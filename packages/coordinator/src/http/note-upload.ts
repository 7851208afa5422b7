import type { StagedName } from '@org/dte-cache';
import type { AttemptNumber } from '@org/dte-scheduler';
import type { ArtifactKey, Receipt } from '../artifacts/artifact-store';
import type { Claims } from '../auth/token';
import type { SessionRegistry } from '../session/registry';

/** An artifact that a client has stored. */
export interface StoredUpload {
  readonly key: Extract<ArtifactKey, { hash: string }>;
  readonly receipt: Receipt;
  readonly claims: Claims;
  /** Of an agent: what it may be of. */
  readonly attempts: readonly AttemptNumber[];
  /** Null: it was sent here. */
  readonly staged: StagedName | null;
}

/** A result of an attempt may become one of the shared cache with these bytes, and with no others. */
export async function noteUpload(
  registry: SessionRegistry,
  { key: { kind, hash }, receipt, claims, attempts, staged }: StoredUpload,
): Promise<void> {
  const { clientId: agentId, grant, role, sessionId } = claims;
  const session = await registry.find(sessionId);
  if (session === null) return;
  const agentName = session.members.agents.get(agentId)?.hello.name ?? agentId;
  const by = role === 'agent' ? { agentId, agentName, grant, attempts, staged } : null;
  session.publications?.stored(kind, hash, receipt, by);
}
