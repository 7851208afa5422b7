import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Interval at which rendezvous records are copied. Not configurable: short compared with any wait of a client. */
const POLL_MS = 50;

const textOf = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // not published yet, or withdrawn
  }
};

/**
 * The rendezvous folder of one agent: what the main job publishes, with another address for its coordinator. Like this each
 * agent of a coordinator that a main job starts has a link of its own.
 */
export class AddressCopy {
  private readonly timer: NodeJS.Timeout;
  private copied: string | null = null;

  constructor(
    private readonly options: {
      /** Where the main job publishes. */
      readonly from: string;
      /** Of this agent. */
      readonly folder: string;
      readonly sessionId: string;
      readonly url: string;
    },
  ) {
    const { from, folder, sessionId } = options;
    const reports = join(from, `${sessionId}.reports`);
    for (const path of [folder, reports]) mkdirSync(path, { recursive: true });
    // What an agent reports is for the main job.
    symlinkSync(reports, join(folder, `${sessionId}.reports`));
    this.copy();
    this.timer = setInterval(() => this.copy(), POLL_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private copy(): void {
    const { from, folder, sessionId, url } = this.options;
    const name = `${sessionId}.json`;
    const text = textOf(join(from, name));
    if (text === this.copied) return;
    this.copied = text;
    if (text === null) {
      rmSync(join(folder, name), { force: true });
      return;
    }
    const record = JSON.parse(text) as object;
    writeFileSync(join(folder, 'new'), JSON.stringify({ ...record, url }));
    renameSync(join(folder, 'new'), join(folder, name));
  }
}
