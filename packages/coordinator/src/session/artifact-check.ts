import type { AgentSync, Artifact, Work } from '@org/dte-protocol';
import { type ArtifactKey, type ArtifactLookup, describeKey } from '../artifacts/artifact-store';

/** Checks that the artifacts of a finished attempt exist. */
function claimedKeys(sessionId: string, { runId, taskId, phase }: Work): ArtifactKey[] {
  if (phase.name !== 'completed' || phase.result.kind === 'returned') return [];
  const { result } = phase;
  const named = result.kind === 'batch' ? result.members : [{ taskId, result }];
  return named.flatMap((each) => {
    const key = each.result && keyOf(sessionId, runId, each.taskId, each.result.artifact);
    return key ?? [];
  });
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
  sync.work.some((work) => claimedKeys('', work).length > 0);

async function firstMissing(
  store: ArtifactLookup,
  keys: readonly ArtifactKey[],
): Promise<ArtifactKey | null> {
  for (const key of keys) if (!(await store.has(key))) return key;
  return null;
}

/**
 * The sync with every result whose artifact is not in the store turned into `returned`: a task must never count as
 * done if its outputs are not available.
 */
export async function checkArtifacts(
  store: ArtifactLookup,
  sessionId: string,
  agentName: string,
  sync: AgentSync,
): Promise<AgentSync> {
  const work = await Promise.all(
    sync.work.map(async (each): Promise<Work> => {
      const missing = await firstMissing(store, claimedKeys(sessionId, each));
      if (missing === null) return each;
      const message = `Agent "${agentName}" reported task ${each.taskId} as done, but the coordinator has no artifact for ${describeKey(missing)}.`;
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
