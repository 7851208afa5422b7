import { createHash } from 'node:crypto';
import { type LimitValues, readLimits } from '@org/dte-protocol';
import { FakeClock } from '@org/dte-testing';
import type { CacheArea, CacheEntry, SharedCache } from '../../port/shared-cache';
import { type FoundEntry, GuardedCache, type Written } from '../guarded-cache';
import type { CacheTrouble } from '../troubles';

export const AREA: CacheArea = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };
export const OWN: CacheArea = { ...AREA, scope: `own-${'0'.repeat(32)}` };
export const NAME = { kind: 'cache', hash: '1' } as const;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

export const entryOf = (content: string, change: Partial<CacheEntry> = {}): CacheEntry => ({
  ...NAME,
  bytes: Buffer.byteLength(content),
  sha256: sha256(content),
  origin: {
    pipelineId: '4711',
    jobId: '9',
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: 'app:build',
    atMs: 1,
  },
  ...change,
});
export const foundIn = (area: CacheArea, entry: CacheEntry): FoundEntry => ({ area, entry });
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
export const away = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));
/** Everything that can happen without time does. */
export const settled = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A store that has nothing and does nothing, but for what a spec makes it do. */
export class ScriptedStore implements SharedCache {
  readonly description = 'the bucket s3://x';
  calls = 0;
  removed: CacheEntry[] = [];
  find: SharedCache['find'] = () => Promise.resolve([]);
  read: SharedCache['read'] = () => Promise.resolve(null);
  readDirectly: SharedCache['readDirectly'] = () => Promise.resolve(null);
  write: SharedCache['write'] = () => Promise.resolve('stored');
  forget: SharedCache['forget'] = () => Promise.resolve(0);
  flush: SharedCache['flush'] = () => Promise.resolve();
  close: SharedCache['close'] = () => Promise.resolve();
  remove: SharedCache['remove'] = (_, entry) => {
    this.removed.push(entry);
    return Promise.resolve();
  };

  finds(...contents: string[]): void {
    this.find = () => {
      this.calls += 1;
      return Promise.resolve(contents.map((content) => entryOf(content)));
    };
  }
}

/** A guard around such a store, with a clock that stands still. */
export class GuardBench {
  readonly clock = new FakeClock();
  readonly store = new ScriptedStore();
  readonly said: string[] = [];
  readonly told: CacheTrouble[] = [];
  ended = 0;
  readonly written: Written[] = [];
  readonly counted: Record<string, number> = {};
  guard: GuardedCache;

  constructor() {
    this.guard = this.open();
  }

  /** Another one around the same store. */
  open(limits: Partial<LimitValues> = {}): GuardedCache {
    this.guard = new GuardedCache(this.store, {
      limits: { ...readLimits({}).limits, ...limits },
      clock: this.clock,
      say: (line) => this.said.push(line),
      tell: (trouble) => this.told.push(trouble),
      over: () => (this.ended += 1),
      meter: {
        found: (where, count) => (this.counted[where] = (this.counted[where] ?? 0) + count),
        wrote: (result) => this.written.push(result),
      },
    });
    return this.guard;
  }

  /** The answer to a question for one hash, when this much time has passed meanwhile. */
  async ask(afterMs = 0): Promise<FoundEntry | null | undefined> {
    const asking = this.guard.find([AREA], [NAME]);
    await settled();
    this.clock.advance(afterMs);
    return (await asking)[0];
  }
}
