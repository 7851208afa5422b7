import type { Readable } from 'node:stream';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { TRUSTED } from '../port/scope';
import type { CacheArea, CacheEntry, DirectRead, EntryName, SharedCache } from '../port/shared-cache';
import { Breaker } from './breaker';
import { type Clock, systemClock, within } from './clock';
import { GuardedStaging } from './guarded-staging';
import { type CacheTrouble, type TroubleKind, Troubles } from './troubles';
import { sha256Of, watchedBody } from './watched-body';
import { eitherOf, isOfEntry, type Source, writeEntry } from './write-entry';
import { WriteQueue } from './write-queue';

/** An entry, and where it lies. */
export interface FoundEntry {
  readonly area: CacheArea;
  readonly entry: CacheEntry;
}

/** What became of a result that was to be stored. */
export type Written = 'stored' | 'exists' | 'dropped' | 'failed';

/** Port: what a guarded cache tells about its work, for metrics. Must not throw. */
export interface CacheMeter {
  /** Names that were asked for, by where they were found; `none`: nowhere, or the store had trouble. */
  found(where: 'trusted' | 'own' | 'none', count: number): void;
  wrote(result: Written): void;
}

export interface GuardOptions {
  readonly limits: Pick<
    LimitValues,
    | 'cacheQuestionMs'
    | 'cacheBreakMs'
    | 'cacheWriteMs'
    | 'cacheWritesAtOnce'
    | 'cacheWritesQueued'
    | 'cacheFlushMs'
  >;
  /** One line for whoever runs this process, about each kind of trouble. */
  readonly say: (line: string) => void;
  /** For those whose results are concerned. Must not throw. */
  readonly tell?: ((trouble: CacheTrouble) => void) | undefined;
  /** That trouble is over. Must not throw. */
  readonly over?: ((kind: TroubleKind) => void) | undefined;
  readonly meter?: CacheMeter | undefined;
  /** For specs. */
  readonly clock?: Clock;
}

/** Milliseconds that a question may take longer for each name: a question for 50,000 hashes decides about hours of work. */
const MS_PER_NAME = 0.2;

/**
 * A shared cache that fails open: whether it is slow, away, full or wrong, readers get a miss, writers are not held up, and
 * people get one line. Only `forget` fails, because somebody waits for its effect.
 */
export class GuardedCache {
  private readonly clock: Clock;
  /** What lines are about. */
  private readonly name: string;
  private readonly troubles: Troubles;
  private readonly questions: Breaker;
  private readonly writes: Breaker;
  /** Null: jobs cannot write into this store themselves. */
  readonly staging: GuardedStaging | null;
  private readonly queue: WriteQueue;
  private readonly verifying = new Map<string, Promise<'good' | 'removed' | 'absent'>>();
  /** Of the store, and how many of them a flush has followed. */
  private changes = 0;
  private flushed = 0;

  constructor(
    private readonly inner: SharedCache,
    private readonly options: GuardOptions,
  ) {
    const { limits, say, clock = systemClock, tell = ignore, over = ignore } = options;
    this.clock = clock;
    const { cacheBreakMs } = limits;
    this.name = `The shared cache (${inner.description})`;
    this.troubles = new Troubles({ clock, pauseMs: cacheBreakMs, say, tell, over });
    const common = { clock, breakMs: cacheBreakMs, store: this.name, troubles: this.troubles };
    this.questions = new Breaker({
      ...common,
      what: 'read',
      means: 'what it has counts as a miss',
    });
    this.writes = new Breaker({
      ...common,
      what: 'written',
      means: 'later pipelines will not find these results',
    });
    const asked = new Breaker({
      ...common,
      what: 'asked for what jobs have put into it',
      means: 'jobs send their artifacts through this coordinator',
    });
    const { staged = null } = inner;
    const questionMs = limits.cacheQuestionMs;
    this.staging =
      staged === null
        ? null
        : new GuardedStaging(staged, { breaker: asked, clock, questionMs, say, store: this.name });
    inner.onNote?.((line) =>
      this.troubles.happened({ kind: 'note', line: `${this.name}: ${line}`, lasts: false, project: null }),
    );
    this.queue = new WriteQueue(limits.cacheWritesAtOnce, limits.cacheWritesQueued);
  }

  get description(): string {
    return this.inner.description;
  }

  /**
   * Lets the store read what it needs before it can answer, in the background: a question must not wait for an index of hundreds of
   * thousands of entries. The first question tells if it fails.
   */
  prepare(): void {
    const nowhere: CacheArea = { issuer: '', projectId: '', scope: TRUSTED };
    this.inner.find(nowhere, [], new AbortController().signal).catch(() => undefined);
  }

  /** Looks into the areas one after the other. @returns what was found for each of `names`; null for misses */
  async find(areas: readonly CacheArea[], names: readonly EntryName[]): Promise<(FoundEntry | null)[]> {
    const found = new Map<string, FoundEntry>();
    if (names.length > 0 && areas.length > 0) {
      const ms = this.options.limits.cacheQuestionMs + Math.round(names.length * MS_PER_NAME);
      await this.questions.run(ms, (signal) => this.collect(areas, names, found, signal));
    }
    const answer = names.map((name) => found.get(keyOf(name)) ?? null);
    this.count(answer);
    return answer;
  }

  /** The bytes of an entry; null if they are gone or the store has trouble. Read or destroy them, and compare the digest. */
  async read({ area, entry }: FoundEntry): Promise<Readable | null> {
    return (await this.open({ area, entry })) ?? null;
  }

  /** Null also if the store has trouble. */
  async readDirectly({ area, entry }: FoundEntry): Promise<DirectRead | null> {
    const { cacheQuestionMs } = this.options.limits;
    const direct = await this.questions.run(cacheQuestionMs, () => this.inner.readDirectly(area, entry));
    return direct ?? null;
  }

  /**
   * Stores an entry some time later, in the background.
   * @param source what the store has already, or the bytes: then it is called when it is its turn, at most twice
   */
  store({ area, entry }: FoundEntry, source: Source): void {
    const { issuer, projectId } = area;
    const { pipelineId } = entry.origin;
    const run = (signal: AbortSignal): Promise<void> => this.write({ area, entry }, source, signal);
    if (this.queue.add({ issuer, projectId, pipelineId, run })) {
      this.changes += 1;
      return;
    }
    this.options.meter?.wrote('dropped');
    this.troubles.happened({
      kind: 'full',
      line: `${this.name} is too slow: ${this.queue.size} results wait for it (limit cacheWritesQueued), and more are not stored`,
      lasts: false,
      project: null,
    });
  }

  /**
   * Reads an entry again and removes it if it is damaged. Concurrent checks of one entry share one read.
   * @returns `absent` also if the store has trouble: for a reader that is the same
   */
  verify(found: FoundEntry): Promise<'good' | 'removed' | 'absent'> {
    const { area, entry } = found;
    const key = [area.issuer, area.projectId, area.scope, keyOf(entry)].join('\n');
    const other = this.verifying.get(key);
    if (other !== undefined) return other;
    const verifying = this.readAgain(found).finally(() => this.verifying.delete(key));
    this.verifying.set(key, verifying);
    return verifying;
  }

  /**
   * Forgets what a pipeline has made, also what is still to be stored.
   * @returns how many entries were removed
   * @throws what the store throws; DteError DTE_TIMEOUT
   */
  async forget(project: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): Promise<number> {
    const ms = this.options.limits.cacheFlushMs;
    const late = `${this.name} did not forget pipeline ${pipelineId} within ${ms} ms (limit cacheFlushMs); it may have forgotten a part`;
    return within(
      async () => {
        await this.queue.drop({ ...project, pipelineId });
        this.changes += 1;
        return this.inner.forget(project, pipelineId);
      },
      { clock: this.clock, ms, late: `${late}.` },
    );
  }

  /**
   * Everything that was to be stored is stored, as far as the store allows it within the limit. Never rejects.
   * @param ms at most this long; default the limit `cacheFlushMs`
   */
  async flush(ms = this.options.limits.cacheFlushMs): Promise<void> {
    if (this.flushed === this.changes) return;
    const { clock } = this;
    try {
      await within(
        async () => {
          await this.queue.whenIdle();
          // What is stored while the store completes itself needs another flush.
          const { changes } = this;
          await this.inner.flush();
          this.flushed = Math.max(this.flushed, changes);
        },
        { clock, ms, late: `it took longer than ${ms} ms` },
      );
    } catch (thrown) {
      const { size } = this.queue;
      const what = size === 0 ? 'what was stored last' : `${size} results`;
      const why = DteError.from(thrown).message.replace(/\.$/, '');
      const line = `${this.name} could not be completed (${why}): later pipelines may not find ${what}`;
      this.troubles.happened({ kind: 'away', line, lasts: false, project: null });
    }
  }

  /** What is not stored yet, is not stored any more; see `flush`. Never rejects. */
  async close(): Promise<void> {
    this.queue.close();
    const { clock } = this;
    const ms = this.options.limits.cacheQuestionMs;
    const closing = { clock, ms, late: 'it did not close' };
    await within(() => this.inner.close(), closing).catch((thrown: unknown) =>
      this.options.say(`${this.name}: ${DteError.from(thrown).message}.`),
    );
  }

  private async collect(
    areas: readonly CacheArea[],
    names: readonly EntryName[],
    found: Map<string, FoundEntry>,
    signal: AbortSignal,
  ): Promise<void> {
    let open = new Map(names.map((name) => [keyOf(name), name]));
    for (const area of areas) {
      if (open.size === 0) return;
      const entries = await this.inner.find(area, [...open.values()], signal);
      if (signal.aborted) return;
      for (const entry of entries)
        if (open.has(keyOf(entry)) && isWhole(entry)) found.set(keyOf(entry), { area, entry });
      open = new Map([...open].filter(([key]) => !found.has(key)));
    }
  }

  private async write({ area, entry }: FoundEntry, source: Source, dropped: AbortSignal): Promise<void> {
    const result = await this.writes.run(this.options.limits.cacheWriteMs, async (signal) => {
      const either = eitherOf(signal, dropped);
      try {
        return await writeEntry(this.inner, { area, entry }, source, either);
      } catch (thrown) {
        // Whoever dropped it knows.
        if (dropped.aborted) return 'dropped';
        if (!isOfEntry(thrown)) throw thrown;
        this.sayRefused({ area, entry }, thrown);
        return 'failed';
      }
    });
    this.options.meter?.wrote(result ?? 'failed');
  }

  /** It does not fit, or it is not what it was when it was made. */
  private sayRefused({ area, entry: { origin } }: FoundEntry, { code, message }: DteError): void {
    const why = message.replace(/\.$/, '');
    this.troubles.happened({
      kind: code === 'DTE_ARTIFACT_DAMAGED' ? 'damaged' : 'full',
      line: `${this.name} does not have the result of ${origin.taskId} of pipeline ${origin.pipelineId}: ${why}`,
      lasts: false,
      project: area,
    });
  }

  /** Null: the bytes are gone. Undefined: the store has trouble. */
  private async open({ area, entry }: FoundEntry): Promise<Readable | null | undefined> {
    const { cacheQuestionMs: stallMs } = this.options.limits;
    const body = await this.questions.run(stallMs, async (signal) => {
      const opened = await this.inner.read(area, entry, signal);
      // Too late: nobody reads it.
      if (signal.aborted) opened?.destroy();
      return opened;
    });
    if (body === undefined || body === null) return body;
    const onFault = (thrown: unknown): void => this.questions.fault(thrown);
    return watchedBody(body, entry.bytes, { clock: this.clock, stallMs, onFault });
  }

  private async readAgain(found: FoundEntry): Promise<'good' | 'removed' | 'absent'> {
    const body = await this.open(found);
    if (body === undefined) return 'absent';
    const state = body === null ? 'gone' : await stateOf(body, found.entry.sha256);
    if (state === 'good') return 'good';
    // It broke off, which may be the network: nothing is proven.
    if (state === 'unknown') return 'absent';
    await this.removeDamaged(found, state);
    return state === 'gone' ? 'absent' : 'removed';
  }

  private async removeDamaged({ area, entry }: FoundEntry, state: 'gone' | 'damaged'): Promise<void> {
    const { cacheQuestionMs } = this.options.limits;
    this.changes += 1;
    await this.questions.run(cacheQuestionMs, () => this.inner.remove(area, entry));
    const { pipelineId, jobId } = entry.origin;
    const job = jobId === null ? '' : `, job ${jobId}`;
    const had = state === 'gone' ? 'no bytes' : 'damaged bytes';
    this.troubles.happened({
      kind: 'damaged',
      line: `${this.name} had ${had} for ${entry.origin.taskId} (${entry.kind} ${entry.hash}) of pipeline ${pipelineId}${job}: the entry is removed, and the result is made again. Others like it are removed without a line`,
      lasts: false,
      project: area,
    });
  }

  private count(answer: readonly (FoundEntry | null)[]): void {
    const { meter } = this.options;
    if (meter === undefined || answer.length === 0) return;
    const hits = answer.filter((each) => each !== null);
    const trusted = hits.filter(({ area }) => area.scope === TRUSTED).length;
    meter.found('trusted', trusted);
    meter.found('own', hits.length - trusted);
    meter.found('none', answer.length - hits.length);
  }
}

async function stateOf(body: Readable, sha256: string): Promise<'good' | 'damaged' | 'unknown'> {
  try {
    return (await sha256Of(body)) === sha256 ? 'good' : 'damaged';
  } catch (thrown) {
    return DteError.from(thrown).code === 'DTE_ARTIFACT_DAMAGED' ? 'damaged' : 'unknown';
  }
}

const ignore = (): void => undefined;

const keyOf = ({ kind, hash }: EntryName): string => `${kind} ${hash}`;

/** A store that lies about an entry does not have it. */
const isWhole = ({ bytes, sha256 }: CacheEntry): boolean =>
  Number.isSafeInteger(bytes) && bytes >= 0 && /^[0-9a-f]{64}$/.test(sha256);
