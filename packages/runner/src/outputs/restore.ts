import {
  codeOfFetch,
  expectSame,
  extractAttempt,
  madeOf,
  readTerminalOutput,
  summariseOutputs,
  type ExtractedAttempt,
  type ExtractOptions,
  type HttpClient,
  type OutputsPort,
} from '@org/dte-client';
import type { NxTask, TaskCache } from '@org/dte-nx-compat';
import { DteError, type Artifact, type ErrorCode, type LimitValues } from '@org/dte-protocol';
import type { Readable } from 'node:stream';

export interface Restored {
  readonly terminalOutput: string;
  /** The Nx cache that had them; null: none, they came from the attempt's own archive or there are none. */
  readonly from: 'local' | 'remote' | null;
}

export interface Restorer {
  /**
   * Restores the outputs of a finished task to this disk.
   * @param ending its known result; for a success, a cached failure (NX_CACHE_FAILURES) is rejected. Default: `success`
   * @throws DteError if they are missing or cannot be read
   */
  restore(task: NxTask, artifact: Artifact, ending?: 'success' | 'failure'): Promise<Restored>;
  /**
   * The terminal output of a task whose outputs are on this disk already: none of them is touched.
   * @throws DteError
   */
  printed(task: NxTask, artifact: Artifact): Promise<Restored>;
  /**
   * Does not download the outputs, and removes those of an earlier run: a missing file is better than a stale one.
   * Files for which `picked` is true are restored anyway.
   * @throws DteError if the terminal output is not available separately
   */
  leave(task: NxTask, artifact: Artifact, picked: ((path: string) => boolean) | null): Promise<LeftOutputs>;
}

/** What is known about outputs that were not downloaded. */
export interface LeftOutputs {
  readonly terminalOutput: string;
  /** Size of the artifact; null if not requested yet. */
  readonly bytes: number | null;
}

export interface RestorerOptions {
  readonly cache: TaskCache;
  readonly http: Pick<HttpClient, 'getAttempt' | 'getAttemptBeginning' | 'getCached' | 'getTerminal'>;
  readonly outputs: OutputsPort;
  readonly workspaceRoot: string;
  readonly runId: string;
  readonly limits: LimitValues;
}

type CacheArtifact = Extract<Artifact, { kind: 'cache' }>;
type AttemptArtifact = Extract<Artifact, { kind: 'attempt' }>;
type Picked = ((path: string) => boolean) | null;

/** How often, and in which way, a restore is tried. */
interface Try {
  /** A cached failure is good enough. */
  readonly mayFail: boolean;
  /** An earlier download differed from what was made. */
  readonly differed: boolean;
}

/** One failure may be the network's; the second is a fact. Not a limit: the requests inside have their own retries. */
const TRIES = 2;
/** An unsafe artifact stays unsafe; a damaged one was already downloaded as often as that can help. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'DTE_ARTIFACT_UNSAFE',
  'DTE_ARTIFACT_UNDECLARED',
  'DTE_ARTIFACT_DAMAGED',
]);

const notASuccess = (task: NxTask, hash: string, code: number): DteError =>
  new DteError(
    'DTE_ARTIFACT_MISSING',
    `The cache contains a failure of ${task.id} (hash ${hash}, exit code ${code}) and no outputs of a successful run.`,
  );

/** Restores from the coordinator's stores and the caches of Nx. */
export class ArtifactRestorer implements Restorer {
  constructor(private readonly options: RestorerOptions) {}

  async restore(
    task: NxTask,
    artifact: Artifact,
    ending: 'success' | 'failure' = 'success',
  ): Promise<Restored> {
    let differed = false;
    const beganMs = Date.now();
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(task, artifact, { mayFail: ending === 'failure', differed });
      } catch (thrown) {
        const error = DteError.from(thrown, 'DTE_ARTIFACT_MISSING');
        differed = error.code === 'DTE_OUTPUTS_DIFFER';
        // It was asked for as long as it may be away, and the main job waits to run what is left.
        const isLost =
          error.code === 'DTE_NO_COORDINATOR' &&
          Date.now() - beganMs >= this.options.limits.coordinatorGraceMs;
        if (tries >= TRIES || isLost || FINAL.has(error.code)) this.giveUp(artifact, error);
      }
    }
  }

  async printed(task: NxTask, artifact: Artifact): Promise<Restored> {
    return { terminalOutput: await this.printedOf(task, artifact), from: null };
  }

  async leave(task: NxTask, artifact: Artifact, picked: Picked): Promise<LeftOutputs> {
    switch (artifact.kind) {
      case 'none':
        return { terminalOutput: '', bytes: 0 };
      case 'cache':
        task.hash = artifact.hash;
        return this.leaveCached(task, artifact.hash, picked);
      case 'attempt':
        return this.leaveAttempt(task, artifact.attempt, picked);
    }
  }

  private async once(task: NxTask, artifact: Artifact, { mayFail, differed }: Try): Promise<Restored> {
    switch (artifact.kind) {
      case 'none':
        return { terminalOutput: '', from: null };
      case 'cache':
        return differed ? this.fromStored(task, artifact, mayFail) : this.fromCache(task, artifact, mayFail);
      case 'attempt':
        return this.fromAttempt(task, artifact);
    }
  }

  /** If a task's outputs cannot be restored unchanged, it runs here, and must not find the wrong result in a cache. */
  private giveUp(artifact: Artifact, error: DteError): never {
    if (artifact.kind === 'cache' && error.code === 'DTE_OUTPUTS_DIFFER')
      this.options.cache.distrust(artifact.hash);
    throw error;
  }

  private async fromCache(task: NxTask, artifact: CacheArtifact, mayFail: boolean): Promise<Restored> {
    const { hash } = artifact;
    task.hash = hash;
    const found = await this.options.cache.fetch(task);
    switch (found.kind) {
      case 'local':
      case 'remote':
        if (found.entry.code !== 0 && !mayFail) throw notASuccess(task, hash, found.entry.code);
        expectSame(task.id, madeOf(artifact), found.outputs);
        return { terminalOutput: found.entry.terminalOutput, from: found.kind };
      case 'miss':
        throw new DteError(
          'DTE_ARTIFACT_MISSING',
          `The outputs of ${task.id} (hash ${hash}) are no longer stored.`,
        );
      case 'error':
        throw new DteError(
          codeOfFetch(found.cause),
          `The outputs of ${task.id} could not be fetched: ${found.message}`,
        );
    }
  }

  /** Like `fromCache`, but without Nx and this machine's cache. */
  private async fromStored(task: NxTask, artifact: CacheArtifact, mayFail: boolean): Promise<Restored> {
    const source = await this.cached(task, artifact.hash);
    const { terminalOutput, meta } = await this.extract(task, source, { format: 'nx-cache' });
    if (meta.code !== 0 && !mayFail) throw notASuccess(task, artifact.hash, meta.code);
    await this.expectArrived(task, artifact);
    return { terminalOutput, from: 'remote' };
  }

  private async fromAttempt(task: NxTask, artifact: AttemptArtifact): Promise<Restored> {
    const { http, runId } = this.options;
    const source = await http.getAttempt(runId, task.id, artifact.attempt);
    const { terminalOutput } = await this.extract(task, source, {});
    await this.expectArrived(task, artifact);
    return { terminalOutput, from: null };
  }

  private async expectArrived(task: NxTask, artifact: Artifact): Promise<void> {
    const made = madeOf(artifact);
    if (made === undefined) return;
    expectSame(task.id, made, await summariseOutputs(this.options.outputs, task.id, task.outputs));
  }

  private cached({ id }: NxTask, hash: string): ReturnType<HttpClient['getCached']> {
    const { http, cache } = this.options;
    return http.getCached(hash, { ownOnly: !cache.useOf(id).shared });
  }

  private extract(
    { id, outputs }: Pick<NxTask, 'id' | 'outputs'>,
    source: Readable,
    how: Pick<ExtractOptions, 'format' | 'only'>,
  ): Promise<ExtractedAttempt> {
    const { workspaceRoot, outputs: port, limits } = this.options;
    return extractAttempt({
      source,
      workspaceRoot,
      taskId: id,
      outputs,
      port,
      terminalOutput: 'collect',
      limits,
      ...how,
    });
  }

  private async leaveCached(task: NxTask, hash: string, picked: Picked): Promise<LeftOutputs> {
    const { http, outputs } = this.options;
    if (picked !== null) {
      const source = await this.cached(task, hash);
      const { bytes = null } = source;
      const { terminalOutput, meta } = await this.extract(task, source, { format: 'nx-cache', only: picked });
      if (meta.code !== 0) throw notASuccess(task, hash, meta.code);
      return { terminalOutput, bytes };
    }
    const terminalOutput = await http.getTerminal(hash);
    await outputs.remove(task.outputs, { keepsTracked: true });
    return { terminalOutput, bytes: null };
  }

  private async leaveAttempt(task: NxTask, attempt: number, picked: Picked): Promise<LeftOutputs> {
    const { http, runId, outputs } = this.options;
    if (picked !== null) {
      const whole = await http.getAttempt(runId, task.id, attempt);
      const { terminalOutput } = await this.extract(task, whole, { only: picked });
      return { terminalOutput, bytes: whole.bytes ?? null };
    }
    const left = await this.readBeginning(task, attempt);
    await outputs.remove(task.outputs, { keepsTracked: true });
    return left;
  }

  /** The outputs after it are not downloaded. The coordinator's copy is intact: damage is that of one download. */
  private async readBeginning(task: NxTask, attempt: number): Promise<LeftOutputs> {
    const { http, runId, limits } = this.options;
    for (let reads = 1; ; reads++) {
      try {
        const source = await http.getAttemptBeginning(runId, task.id, attempt);
        const { bytes = null } = source;
        return { terminalOutput: await readTerminalOutput(source, task.id, limits), bytes };
      } catch (thrown) {
        if (DteError.from(thrown).code !== 'DTE_ARTIFACT_DAMAGED' || reads >= limits.artifactReads)
          throw thrown;
      }
    }
  }

  private async printedOf(task: NxTask, artifact: Artifact): Promise<string> {
    switch (artifact.kind) {
      case 'none':
        return '';
      case 'cache':
        return this.printedCached(task, artifact.hash);
      case 'attempt':
        return (await this.readBeginning(task, artifact.attempt)).terminalOutput;
    }
  }

  private async printedCached(task: NxTask, hash: string): Promise<string> {
    const { cache } = this.options;
    task.hash = hash;
    const entry = (await cache.lookupLocal([task])).get(task.id);
    if (entry !== undefined) return entry.terminalOutput;
    // A cached failure, or a local cache that could not be written.
    const source = await this.cached(task, hash);
    const nothing = { format: 'nx-cache', only: () => false } as const;
    const { terminalOutput } = await this.extract({ id: task.id, outputs: [] }, source, nothing);
    return terminalOutput;
  }
}
