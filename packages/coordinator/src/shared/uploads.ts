import type { EntryKind, StagedName } from '@org/dte-cache';
import { LIMITS } from '@org/dte-protocol';
import type { AttemptNumber } from '@org/dte-scheduler';
import type { Receipt } from '../artifacts/artifact-store';
import type { CacheGrant } from '../auth/cache-grant';

/** One artifact of the session's store, and the agent that stored it while it made these attempts. */
export interface Upload extends Receipt {
  readonly agentId: string;
  readonly agentName: string;
  readonly grant: CacheGrant | null;
  readonly attempts: readonly AttemptNumber[];
  /** Where the agent has put it; null or omitted: it has sent it here. */
  readonly staged?: StagedName | null;
}

/**
 * Who stored what in a session's store. A result is shared with other pipelines only with the bytes that its own attempt has
 * stored: whatever was stored earlier under its hash, by the main job from its own cache or by another attempt, is kept in the
 * store (the first write stays), and would otherwise be taken for its outputs.
 *
 * In memory: uploads from before a restart are not shared.
 */
export class Uploads {
  private readonly noted = new Map<string, Upload>();

  /** @param upload null: not by an agent */
  note(kind: EntryKind, hash: string, upload: Upload | null): void {
    const key = keyOf(kind, hash);
    this.noted.delete(key);
    if (upload === null) return;
    const [oldest] = this.noted.keys();
    if (this.noted.size >= LIMITS.cacheNotedUploads.value && oldest !== undefined) this.noted.delete(oldest);
    this.noted.set(key, upload);
  }

  /** What this attempt of this agent has stored; null: nothing. It is returned once. */
  take(kind: EntryKind, hash: string, by: AttemptNumber & { readonly agentId: string }): Upload | null {
    const key = keyOf(kind, hash);
    const upload = this.noted.get(key);
    const isOwn =
      upload?.agentId === by.agentId &&
      upload.attempts.some(({ runId, attempt }) => runId === by.runId && attempt === by.attempt);
    if (!isOwn) return null;
    this.noted.delete(key);
    return upload;
  }
}

const keyOf = (kind: EntryKind, hash: string): string => `${kind} ${hash}`;
