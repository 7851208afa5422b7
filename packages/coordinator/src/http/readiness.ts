import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { LimitValues } from '@org/dte-protocol';
import { type FileSystem, isDiskFull } from '../files/file-system';

export interface ReadinessDeps {
  readonly fs: Pick<FileSystem, 'writeFile' | 'rm'>;
  /** The data folder. */
  readonly folder: string;
  readonly limits: Pick<LimitValues, 'readyCheckMs' | 'readyFreeBytes'>;
  readonly now: () => number;
}

const PROBE = 'ready-';

/**
 * Whether new work should be sent to this coordinator. It says no while it restores its sessions or shuts down, and while its folder cannot take what
 * a session writes. The issuers of id tokens are not part of it: their keys are cached, jobs in a session have its token, and
 * taken out of service for a GitLab that is away, the coordinator would cut off work that needs nothing of it.
 */
export class Readiness {
  private reason: string | null = null;
  private disk: { readonly atMs: number; readonly trouble: Promise<string | null> } | null = null;

  constructor(private readonly deps: ReadinessDeps) {}

  /** Not ready from now on, for this reason. */
  end(reason: string): void {
    this.reason = reason;
  }

  /** What was said by `end` is over. */
  begin(): void {
    this.reason = null;
  }

  /** Null: ready. Cheap: the disk is asked at most every `readyCheckMs`, whoever asks how often. */
  async trouble(): Promise<string | null> {
    if (this.reason !== null) return this.reason;
    const nowMs = this.deps.now();
    const { disk } = this;
    // A clock that was set back must not keep an old answer.
    if (disk !== null && Math.abs(nowMs - disk.atMs) < this.deps.limits.readyCheckMs) return disk.trouble;
    const trouble = this.diskTrouble();
    this.disk = { atMs: nowMs, trouble };
    return trouble;
  }

  private async diskTrouble(): Promise<string | null> {
    const { fs, folder, limits } = this.deps;
    const path = `${folder}/${PROBE}${randomUUID()}`;
    try {
      await fs.writeFile(path, 'x', { mode: 0o600 });
      await fs.rm(path, { force: true });
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      return free >= limits.readyFreeBytes
        ? null
        : `only ${free} bytes are free on the disk of the data folder (DTE_READY_FREE_BYTES)`;
    } catch (thrown) {
      await fs.rm(path, { force: true }).catch(() => undefined);
      if (isDiskFull(thrown)) return 'the disk of the data folder is full';
      const { code = 'unknown' } = thrown as { code?: string };
      // Everybody may ask: where the folder is, is in the log.
      return `the data folder cannot be written (${code})`;
    }
  }
}
