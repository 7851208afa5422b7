import { runAgent, type DiskKeeper, type SignalSource } from '@org/dte-agent';
import { join } from 'node:path';
import { dataDirOf, makeDataFolder } from '../data-folder/data-folder';
import { clientCredentials } from '../session/credentials';
import { introduce, readIdentity } from '../session/identity';
import type { Prepared } from '../prepare/prepare';

export interface MainWorkerOptions {
  readonly prepared: Prepared;
  readonly runId: string;
  readonly slots: number;
  readonly disk: DiskKeeper;
}

/** As people know it. */
const WORKER_NAME = 'main job';

/** Stop signals for the agent, independent of this process; an early one is delivered late. */
class OwnSignals implements SignalSource {
  private readonly listeners = new Set<() => void>();
  private sent = 0;

  send(): void {
    this.sent += 1;
    for (const listener of this.listeners) listener();
  }

  on(signal: string, listener: () => void): void {
    if (signal !== 'SIGTERM') return;
    this.listeners.add(listener);
    for (let n = 0; n < this.sent; n++) queueMicrotask(listener);
  }

  off(signal: string, listener: () => void): void {
    if (signal === 'SIGTERM') this.listeners.delete(listener);
  }
}

/** An agent inside the main job: the same code, for only one run, on the same disk as that run. */
export class MainWorker {
  private readonly signals = new OwnSignals();
  /** Resolves with its exit code when it and all its processes have exited. */
  readonly over: Promise<number>;

  constructor(private readonly options: MainWorkerOptions) {
    this.over = this.work();
  }

  /** Accepts nothing new and exits when its tasks have ended. */
  drain(): void {
    this.signals.send();
  }

  /** Returns its tasks; resolves when all its processes have exited. */
  async stop(): Promise<void> {
    this.drain();
    this.drain();
    await this.over.catch(() => undefined);
  }

  private async work(): Promise<number> {
    const { prepared, runId, slots, disk } = this.options;
    const { resolved, workspaceRoot, surroundings, session, rendezvous } = prepared;
    const { env } = process;
    const { limits } = resolved;
    return runAgent({
      workspaceRoot,
      sessionId: session.id,
      rendezvous,
      limits,
      env,
      slots,
      disk,
      ...introduce(surroundings.job, WORKER_NAME),
      onlyRun: runId,
      identity: await readIdentity(workspaceRoot),
      // With the identity of this job, which the coordinator may be part of.
      credentials: clientCredentials(resolved, surroundings, 'main', rendezvous),
      dataDir: join(makeDataFolder(dataDirOf(resolved, workspaceRoot)), 'agent'),
      // The output of its tasks is shown like that of all others.
      stdout: { write: () => undefined },
      signals: this.signals,
    });
  }
}
