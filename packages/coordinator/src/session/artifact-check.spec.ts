import type { AgentSync, AttemptResult, FinishedAttempt } from '@org/dte-protocol';
import { MemoryArtifactStore } from '../artifacts/memory-artifact-store';
import { checkArtifacts, claimsArtifacts } from './artifact-check';

const made = (hash: string): FinishedAttempt => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash,
  artifact: { kind: 'cache', hash },
  startMs: 0,
  endMs: 0,
  reason: null,
  hashDetails: null,
});

const sync = (result: AttemptResult): AgentSync => ({
  type: 'agent.sync',
  seq: 1,
  slots: 1,
  draining: false,
  work: [{ runId: 'r', taskId: 'a:build', attempt: 1, phase: { name: 'completed', result } }],
});

describe('a result of a batch', () => {
  it('is returned if the artifact of one of its tasks is not in the store', async () => {
    const batch = sync({
      kind: 'batch',
      members: [
        { taskId: 'a:build', result: null },
        { taskId: 'b:build', result: made('2') },
      ],
      log: '',
    });
    expect(claimsArtifacts(batch)).toBe(true);
    const checked = await checkArtifacts(new MemoryArtifactStore(), 's', 'agent-1', batch);
    expect(checked.work[0]?.phase).toMatchObject({
      result: { kind: 'returned', reason: { code: 'DTE_ARTIFACT_MISSING' } },
    });
  });

  it('is accepted if it names no artifact', async () => {
    const batch = sync({ kind: 'batch', members: [{ taskId: 'a:build', result: null }], log: '' });
    expect(claimsArtifacts(batch)).toBe(false);
    expect(await checkArtifacts(new MemoryArtifactStore(), 's', 'agent-1', batch)).toEqual(batch);
  });
});
