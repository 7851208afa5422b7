import type { NxProjectGraph, NxStatuses, TaskGraph } from '@org/dte-nx-compat';
import type { CacheOrigin, RunLogEntry } from '@org/dte-protocol';
import type { Prepared } from '../prepare/prepare';
import type { Command } from '../prepare/command-of';
import type { Voice } from '../report/say';
import { idleTrust, sharingOf, type SharingOf } from './cache-trust';
import { cacheUseOf } from './cache-use';
import { HitOrigins, type HitOfOthers } from './hit-origins';
import { Rebuilds } from './rebuilds';

export interface SharedResultsOptions {
  readonly prepared: Pick<Prepared, 'cache' | 'resolved' | 'session' | 'alone'>;
  readonly runId: string;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly command: Pick<Command, 'skipRemoteCache' | 'verbose'>;
  readonly voice: Voice;
  readonly onOrigin: (taskId: string, origin: CacheOrigin) => void;
}

/** What one nx command takes from other pipelines, and what it may not. */
export class SharedResults {
  /** Whose results a task may use; for those that are made again, only this pipeline's. */
  readonly sharingOf: SharingOf;
  readonly rebuilds: Rebuilds;
  private readonly origins: HitOrigins;

  /** From now on, the cache of this job obeys. */
  constructor(private readonly options: SharedResultsOptions) {
    const { prepared, runId, graph, projectGraph, command, voice } = options;
    const { cacheTrust, cacheVerify } = prepared.resolved.config;
    const { http } = prepared.session;
    const byOption = sharingOf(cacheTrust, graph);
    this.rebuilds = new Rebuilds({ http, runId, share: cacheVerify });
    this.sharingOf = (taskId) =>
      byOption(taskId) ?? (this.rebuilds.has(taskId) ? 'this-pipeline' : undefined);
    this.origins = new HitOrigins({
      http,
      verbose: command.verbose,
      onOrigin: options.onOrigin,
      line: (text) => voice.line(text),
    });
    prepared.cache.limit(cacheUseOf((taskId) => this.sharingOf(taskId), command.skipRemoteCache));
    for (const pattern of idleTrust(cacheTrust, projectGraph))
      voice.line(`dte: cacheTrust: no task of this workspace matches ${pattern}`);
  }

  onHit(hit: HitOfOthers): void {
    this.origins.onHit(hit);
  }

  onEntry(entry: RunLogEntry): void {
    this.origins.onEntry(entry);
    this.rebuilds.onEntry(entry);
  }

  /**
   * Says where results came from, and compares those that were made again.
   * @returns the statuses of the command: with cacheVerifyFail, a difference is a failure
   */
  async finish(statuses: NxStatuses, coordinatorLost: boolean): Promise<NxStatuses> {
    const { prepared, voice } = this.options;
    if (prepared.alone || coordinatorLost) return statuses;
    const ran = (taskId: string): boolean => statuses[taskId] === 'success';
    await this.origins.finish(ran);
    const { lines, differences } = await this.rebuilds.finish(ran);
    for (const error of differences.values()) voice.explain(error);
    for (const line of lines) voice.line(line);
    if (!prepared.resolved.config.cacheVerifyFail) return statuses;
    return {
      ...statuses,
      ...Object.fromEntries([...differences.keys()].map((id) => [id, 'failure' as const])),
    };
  }
}
