import { Readable } from 'node:stream';
import type { EntryKind } from '@org/dte-cache';
import { DteError, type FinishedAttempt, type RunSpec, type Work } from '@org/dte-protocol';
import type { AttemptNumber, Effects, HistoryEvent, Input } from '@org/dte-scheduler';
import type { ArtifactStore, Receipt } from '../artifacts/artifact-store';
import type { SharedResults } from './shared-results';
import { type Upload, Uploads } from './uploads';

export interface PublicationDeps {
  /** The key of the session. */
  readonly sessionId: string;
  readonly artifacts: Pick<ArtifactStore, 'get'>;
  readonly shared: SharedResults;
  readonly specOf: (runId: string) => Promise<RunSpec>;
  readonly now: () => number;
  /** Something about one result went wrong here. */
  readonly warn: (thrown: unknown, what: string) => void;
}

type Ended = Extract<HistoryEvent, { type: 'task.ended' }>;

/**
 * Copies results of a session into the shared cache, in the background: those that the coordinator has accepted, of attempts that
 * really ran on an agent of this session, with the bytes that this attempt has stored. Everything else stays in the session:
 * failures, results that a cache had (also those of another pipeline), what the main job uploaded, and tasks that are not to be
 * shared.
 *
 * What was accepted and is not stored yet when the process ends is not shared, and nothing is shared twice: a replayed journal
 * publishes nothing.
 */
export class Publications {
  private readonly uploads = new Uploads();
  /** The tasks of each open run that are not shared. */
  private readonly kept = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(private readonly deps: PublicationDeps) {}

  begin(spec: RunSpec): void {
    this.kept.set(spec.runId, Promise.resolve(keptOf(spec)));
  }

  /** An artifact was stored in the session. @param by null: not by an agent */
  stored(kind: EntryKind, hash: string, receipt: Receipt, by: Omit<Upload, keyof Receipt> | null): void {
    this.uploads.note(kind, hash, by === null ? null : { ...receipt, ...by });
  }

  /** An input was applied. Not called for replayed ones. */
  stepped(input: Input, { events }: Effects): void {
    for (const event of events) {
      if (event.type === 'task.ended' && input.type === 'agent.sync') {
        const result = resultOf(input.sync.work, event);
        if (result !== null) this.publish(event, result, input.agentId);
      }
      if (event.type === 'run.closed') this.kept.delete(event.runId);
    }
  }

  private publish({ runId, taskId, attempt }: Ended, { artifact }: FinishedAttempt, agentId: string): void {
    if (artifact.kind !== 'cache' || attempt === null) return;
    const { hash } = artifact;
    // Now: what is stored later under this hash is not this result's.
    const uploads = this.uploadsOf(hash, { runId, attempt, agentId });
    if (uploads.length === 0) return;
    this.keptIn(runId)
      .then((kept) => {
        if (kept.has(taskId)) return;
        for (const { kind, upload } of uploads) this.copy({ kind, hash, taskId }, upload);
      })
      .catch((thrown: unknown) => this.deps.warn(thrown, 'a result is not shared with other pipelines'));
  }

  private uploadsOf(
    hash: string,
    by: AttemptNumber & { readonly agentId: string },
  ): { kind: EntryKind; upload: Upload }[] {
    const outputs = this.uploads.take('cache', hash, by);
    const terminal = this.uploads.take('terminal', hash, by);
    if (outputs === null) return [];
    const both: { kind: EntryKind; upload: Upload | null }[] = [
      // First: whoever finds the outputs has the terminal output, or finds it in them.
      { kind: 'terminal', upload: terminal },
      { kind: 'cache', upload: outputs },
    ];
    return both.flatMap(({ kind, upload }) => (upload === null ? [] : [{ kind, upload }]));
  }

  private copy(
    { kind, hash, taskId }: { readonly kind: EntryKind; readonly hash: string; readonly taskId: string },
    { bytes, sha256, grant, agentName: agent, staged = null }: Upload,
  ): void {
    if (grant === null) return;
    const { sessionId, artifacts, shared, now } = this.deps;
    const { pipelineId, jobId, commit, ref } = grant;
    const origin = { pipelineId, jobId, commit, ref, agent, taskId, atMs: now() };
    const open = (): Readable =>
      Readable.from(
        storedBytes(() => artifacts.get({ kind, sessionId, hash }), sha256),
        {
          objectMode: false,
        },
      );
    shared.publish(grant, { kind, hash, bytes, sha256, origin }, staged ?? open);
  }

  /** After a restart, from the disk. */
  private keptIn(runId: string): Promise<ReadonlySet<string>> {
    const known = this.kept.get(runId);
    if (known !== undefined) return known;
    const reading = this.deps.specOf(runId).then(keptOf);
    this.kept.set(runId, reading);
    reading.catch(() => this.kept.delete(runId));
    return reading;
  }
}

const keptOf = ({ tasks }: RunSpec): ReadonlySet<string> =>
  new Set(tasks.filter(({ sharing }) => sharing === 'never').map(({ id }) => id));

/**
 * The result with which a task ended, if others may have it: it succeeded by running, under the hash that the main job knows or
 * has left to the agent. A machine on which the hash differs is not taken as a source, although it stores under its own hash.
 */
function resultOf(work: readonly Work[], ended: Ended): FinishedAttempt | null {
  if (ended.status !== 'success' || ended.source !== 'ran') return null;
  const { runId, taskId, attempt } = ended;
  for (const { phase, ...each } of work) {
    if (each.runId !== runId || each.attempt !== attempt || phase.name !== 'completed') continue;
    const { result } = phase;
    const own =
      result.kind === 'batch'
        ? (result.members.find((member) => member.taskId === taskId)?.result ?? null)
        : each.taskId === taskId && result.kind === 'finished'
          ? result
          : null;
    if (own !== null) return own.drift === undefined ? own : null;
  }
  return null;
}

async function* storedBytes(
  get: () => ReturnType<ArtifactStore['get']>,
  sha256: string,
): AsyncGenerator<Buffer> {
  const found = await get();
  if (found?.sha256 !== sha256) {
    if (found?.body instanceof Readable) found.body.destroy();
    throw new DteError('DTE_ARTIFACT_MISSING', 'The artifact is not in the store of its session any more.');
  }
  if (!(found.body instanceof Readable)) {
    yield found.body;
    return;
  }
  for await (const piece of found.body) yield piece as Buffer;
}
