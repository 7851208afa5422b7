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

/** Signals that are not sent to this process; one that came early is heard late. */
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

/** An agent within the main job: the same code, for one run alone, on the same disk as that run. */
export class MainWorker {
  private readonly signals = new OwnSignals();
  /** Resolves with its exit code when it and all its processes are gone. */
  readonly over: Promise<number>;

  constructor(private readonly options: MainWorkerOptions) {
    this.over = this.work();
  }

  /** Takes nothing new and ends when what it runs has ended. */
  drain(): void {
    this.signals.send();
  }

  /** Hands back what it runs; resolves when all its processes are gone. */
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
      // As this job, of which the coordinator may be a part.
      credentials: clientCredentials(resolved, surroundings, 'main', rendezvous),
      dataDir: join(makeDataFolder(dataDirOf(resolved, workspaceRoot)), 'agent'),
      // What its tasks print is shown as that of all others.
      stdout: { write: () => undefined },
      signals: this.signals,
    });
  }
}
