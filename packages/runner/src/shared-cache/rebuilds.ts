import { contentsOf, type ArchiveContents, type HttpClient } from '@org/dte-client';
import { DteError, plural, type Artifact, type CacheOrigin, type RunLogEntry } from '@org/dte-protocol';
import { createHash } from 'node:crypto';
import { describeOrigin } from './describe-origin';

export interface RebuildsOptions {
  readonly http: Pick<HttpClient, 'askHeld' | 'getAttempt' | 'getCached'>;
  readonly runId: string;
  /** Option cacheVerify. */
  readonly share: number;
}

/** A result of another pipeline. */
export interface OthersResult {
  readonly taskId: string;
  readonly hash: string;
  readonly origin: CacheOrigin;
}

interface Rebuild extends OthersResult {
  /** What the other pipeline has made. */
  readonly contents: ArchiveContents;
}

interface Made {
  readonly artifact: Artifact;
  /** The agent that ran the task; null: this job did, or nobody knows. */
  readonly agent: string | null;
}

/** What became of one that was made again. */
type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'differs'; readonly error: DteError }
  | { readonly kind: 'unknown'; readonly why: string };

export interface RebuildReport {
  readonly lines: readonly string[];
  /** By task. */
  readonly differences: ReadonlyMap<string, DteError>;
}

/** Bytes of a digest that decide: 48 bits, which a number holds exactly. */
const DECIDING_BYTES = 6;

/** Whether a hash is in a share of all hashes; the same in every run. @param share from 0 to 1 */
export const isInShare = (hash: string, share: number): boolean =>
  createHash('sha256').update(hash).digest().readUIntBE(0, DECIDING_BYTES) <
  share * 2 ** (8 * DECIDING_BYTES);

/** Differing paths that a message names. */
const NAMED_PATHS = 3;

/**
 * A share of the results of other pipelines is made again in this pipeline and compared, file by file: nobody else would notice that a
 * task depends on something that its hash does not cover, or that somebody has changed the cache.
 */
export class Rebuilds {
  private readonly rebuilds = new Map<string, Rebuild>();
  private readonly made = new Map<string, Made>();

  constructor(private readonly options: RebuildsOptions) {}

  has(taskId: string): boolean {
    return this.rebuilds.has(taskId);
  }

  /** Decides, and reads what the cache has: later, the coordinator serves what this pipeline has made. */
  async chooses(others: OthersResult): Promise<boolean> {
    const { http, share } = this.options;
    if (!isInShare(others.hash, share)) return false;
    try {
      const contents = await contentsOf(await http.getCached(others.hash), others.taskId, 'nx-cache');
      this.rebuilds.set(others.taskId, { ...others, contents });
      return true;
    } catch {
      // It cannot be compared; whether it can be used is found out as for any other.
      return false;
    }
  }

  onEntry(entry: RunLogEntry): void {
    if (!this.rebuilds.has(entry.taskId) || entry.type !== 'ended' || entry.result?.kind !== 'finished')
      return;
    const { artifact } = entry.result;
    if (entry.status === 'success')
      this.made.set(entry.taskId, { artifact, agent: entry.agent?.name ?? null });
  }

  /** Compares. Call it when the command is over; @param succeeded whether a task has succeeded here */
  async finish(succeeded: (taskId: string) => boolean): Promise<RebuildReport> {
    const lines: string[] = [];
    const differences = new Map<string, DteError>();
    let same = 0;
    for (const rebuild of this.rebuilds.values()) {
      const verdict = await this.compare(rebuild, succeeded(rebuild.taskId));
      if (verdict.kind === 'same') same += 1;
      else if (verdict.kind === 'differs') differences.set(rebuild.taskId, verdict.error);
      else lines.push(`dte: ${rebuild.taskId} could not be compared with the shared cache: ${verdict.why}`);
    }
    const count = this.rebuilds.size;
    if (count > 0)
      lines.push(
        `dte: ${plural(count, 'result')} of other pipelines made again: ${same} the same, ${differences.size} different`,
      );
    return { lines, differences };
  }

  private async compare(rebuild: Rebuild, hasSucceeded: boolean): Promise<Verdict> {
    const { taskId, origin } = rebuild;
    const where = describeOrigin(origin, Date.now());
    if (!hasSucceeded) return { kind: 'unknown', why: `it has not succeeded here (${where})` };
    const { agent = null } = this.made.get(taskId) ?? {};
    let contents: ArchiveContents;
    try {
      contents = await this.contentsHere(rebuild);
    } catch (thrown) {
      return { kind: 'unknown', why: DteError.from(thrown).message };
    }
    const paths = differingPaths(rebuild.contents, contents);
    if (paths.length === 0) return { kind: 'same' };
    const more = paths.length > NAMED_PATHS ? ` and ${paths.length - NAMED_PATHS} more` : '';
    const message =
      `The result of ${taskId} (hash ${rebuild.hash}) in the shared cache (${where}) differs from the one made in this ` +
      `pipeline${agent === null ? '' : ` (${agent})`}: ${paths.slice(0, NAMED_PATHS).join(', ')}${more}. ` +
      'The one made here is used.';
    return { kind: 'differs', error: new DteError('DTE_CACHE_DIFFERS', message) };
  }

  private async contentsHere({ taskId, hash }: Rebuild): Promise<ArchiveContents> {
    const { http, runId } = this.options;
    const { artifact } = this.made.get(taskId) ?? {};
    if (artifact?.kind === 'attempt')
      return contentsOf(await http.getAttempt(runId, taskId, artifact.attempt), taskId, 'attempt');
    if (artifact?.kind === 'cache' && artifact.hash !== hash)
      throw new DteError('DTE_HASH_MISMATCH', `it has the hash ${artifact.hash} here, not ${hash}`);
    return contentsOf(await http.getCached(hash, { ownOnly: true }), taskId, 'nx-cache');
  }
}

function differingPaths(there: ArchiveContents, here: ArchiveContents): string[] {
  const all = new Set([...there.keys(), ...here.keys()]);
  return [...all].filter((path) => there.get(path) !== here.get(path)).sort();
}
