import { extractAttempt, type HttpClient, type OutputsPort } from '@org/dte-agent';
import type { NxTask, TaskCache } from '@org/dte-nx-compat';
import { DteError, type Artifact, type LimitValues } from '@org/dte-protocol';

export interface Restored {
  readonly terminalOutput: string;
  /** The cache of Nx that had them; null: none, they came from the attempt's own archive or there are none. */
  readonly from: 'local' | 'remote' | null;
}

export interface Restorer {
  /**
   * Puts the outputs of a finished task on this disk.
   * @throws DteError when they are not there or cannot be read
   */
  restore(task: NxTask, artifact: Artifact): Promise<Restored>;
}

export interface RestorerOptions {
  readonly cache: TaskCache;
  readonly http: Pick<HttpClient, 'getAttempt'>;
  readonly outputs: OutputsPort;
  readonly workspaceRoot: string;
  readonly runId: string;
  readonly limits: LimitValues;
}

/** One failure may be the network's; the second is a fact. */
const TRIES = 2;

export function createRestorer(options: RestorerOptions): Restorer {
  const { cache, http, workspaceRoot, runId, limits } = options;

  async function fromCache(task: NxTask, hash: string): Promise<Restored> {
    task.hash = hash;
    const found = await cache.fetch(task);
    switch (found.kind) {
      case 'local':
      case 'remote':
        return { terminalOutput: found.entry.terminalOutput, from: found.kind };
      case 'miss':
        throw new DteError(
          'DTE_ARTIFACT_MISSING',
          `The outputs of ${task.id} (hash ${hash}) are no longer held.`,
        );
      case 'error':
        throw new DteError(
          'DTE_ARTIFACT_MISSING',
          `The outputs of ${task.id} could not be fetched: ${found.message}`,
        );
    }
  }

  async function fromAttempt(task: NxTask, attempt: number): Promise<Restored> {
    const source = await http.getAttempt(runId, task.id, attempt);
    const { terminalOutput } = await extractAttempt({
      source,
      workspaceRoot,
      taskId: task.id,
      outputs: task.outputs,
      port: options.outputs,
      terminalOutput: 'collect',
      limits,
    });
    return { terminalOutput, from: null };
  }

  async function once(task: NxTask, artifact: Artifact): Promise<Restored> {
    switch (artifact.kind) {
      case 'none':
        return { terminalOutput: '', from: null };
      case 'cache':
        return fromCache(task, artifact.hash);
      case 'attempt':
        return fromAttempt(task, artifact.attempt);
    }
  }

  return {
    async restore(task, artifact) {
      for (let tries = 1; ; tries++) {
        try {
          return await once(task, artifact);
        } catch (thrown) {
          const error = DteError.from(thrown, 'DTE_ARTIFACT_MISSING');
          // What is unsafe today is unsafe again.
          if (tries >= TRIES || error.code === 'DTE_ARTIFACT_UNSAFE') throw error;
        }
      }
    },
  };
}
