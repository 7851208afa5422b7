import type { ArtifactKey, ArtifactStore } from '@org/dte-coordinator/core';
import type { Artifact } from '@org/dte-protocol';

export const SESSION_ID = 's1';

/** The key of a task's artifact; null if there is none. */
export function keyOf(runId: string, taskId: string, artifact: Artifact): ArtifactKey | null {
  switch (artifact.kind) {
    case 'cache':
      return { kind: 'cache', sessionId: SESSION_ID, hash: artifact.hash };
    case 'attempt':
      return { kind: 'attempt', sessionId: SESSION_ID, runId, taskId, attempt: artifact.attempt };
    case 'none':
      return null;
  }
}

const nameOf = (key: ArtifactKey): string =>
  key.kind === 'attempt' ? `${key.runId} ${key.taskId} ${key.attempt}` : `${key.kind} ${key.hash}`;

/** The stored artifacts. Like files, they survive the coordinator's process. */
export class Artifacts implements ArtifactStore {
  private readonly names = new Set<string>();

  add(key: ArtifactKey | null): void {
    if (key !== null) this.names.add(nameOf(key));
  }

  knows(key: ArtifactKey | null): boolean {
    return key === null || this.names.has(nameOf(key));
  }

  has(key: ArtifactKey): Promise<boolean> {
    return Promise.resolve(this.knows(key));
  }

  bytesOf = (): Promise<never> => this.unused();
  put = (): Promise<never> => this.unused();
  get = (): Promise<never> => this.unused();
  check = (): Promise<never> => this.unused();
  deleteSession = (): Promise<never> => this.unused();
  unloadSession = (): void => undefined;

  private unused(): Promise<never> {
    return Promise.reject(new Error('not simulated'));
  }
}
