import type { AgentSync, Artifact, Work } from '@org/dte-protocol';
import { type ArtifactKey, type ArtifactStore, describeKey } from '../artifacts/artifact-store';

/** Where the artifact that a finished attempt names has to be; null when there is nothing to check. */
function claimedKey(sessionId: string, { runId, taskId, phase }: Work): ArtifactKey | null {
  if (phase.name !== 'completed' || phase.result.kind !== 'finished') return null;
  return keyOf(sessionId, runId, taskId, phase.result.artifact);
}

function keyOf(sessionId: string, runId: string, taskId: string, artifact: Artifact): ArtifactKey | null {
  switch (artifact.kind) {
    case 'cache':
      return { kind: 'cache', sessionId, hash: artifact.hash };
    case 'attempt':
      return { kind: 'attempt', sessionId, runId, taskId, attempt: artifact.attempt };
    case 'none':
      return null;
  }
}

export const claimsArtifacts = (sync: AgentSync): boolean =>
  sync.work.some((work) => claimedKey('', work) !== null);

/**
 * The sync with every result whose artifact is not in the store turned into `returned`: a task must never count as
 * done when its outputs cannot be had.
 */
export async function checkArtifacts(
  store: ArtifactStore,
  sessionId: string,
  agentName: string,
  sync: AgentSync,
): Promise<AgentSync> {
  const work = await Promise.all(
    sync.work.map(async (each): Promise<Work> => {
      const key = claimedKey(sessionId, each);
      if (key === null || (await store.has(key))) return each;
      const message = `Agent "${agentName}" reported task ${each.taskId} as done, but the coordinator holds no artifact for ${describeKey(key)}.`;
      return {
        ...each,
        phase: {
          name: 'completed',
          result: { kind: 'returned', reason: { code: 'DTE_ARTIFACT_MISSING', message } },
        },
      };
    }),
  );
  return { ...sync, work };
}
