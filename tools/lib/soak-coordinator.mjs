// The coordinator process of `npm run soak`, and what it has: memory, open handles, files.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './clean-environment.mjs';

const require = createRequire(import.meta.url);

/** Short, so that sessions end, are abandoned and are removed within the soak; small, so that journals are compacted. */
const LIMITS = {
  DTE_RETAIN_FINISHED_MS: '3000',
  DTE_MAIN_LOST_MS: '4000',
  DTE_SESSION_IDLE_MS: '4000',
  DTE_LEASE_MS: '10000',
  DTE_HEARTBEAT_MS: '2000',
  DTE_JOURNAL_TAIL_BYTES: '16384',
};

export class SoakCoordinator {
  folder = mkdtempSync(join(tmpdir(), 'dte-soak-'));
  dataDir = join(this.folder, 'data');
  tempDir = join(this.folder, 'tmp');

  async start() {
    const { RunningProcess } = require('@org/dte-testing');
    mkdirSync(this.tempDir);
    this.process = new RunningProcess({
      name: 'coordinator',
      command: process.execPath,
      cwd: this.folder,
      args: [
        fileURLToPath(new URL('../../packages/dte/dist/cli/main.js', import.meta.url)),
        'coordinator',
        '--port=0',
        `--data-dir=${this.dataDir}`,
      ],
      env: { ...cleanEnvironment(process.env), ...LIMITS, TMPDIR: this.tempDir },
    });
    await this.process.waitForOutput(/coordinator on http:\S+:\d+/);
    this.url = `http://127.0.0.1:${/coordinator on http:\S+:(\d+)/.exec(this.process.output())[1]}`;
  }

  rssMb() {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
  }

  openHandles() {
    return readdirSync(`/proc/${this.process.pid}/fd`).length;
  }

  sessionsOnDisk() {
    return readdirSync(join(this.dataDir, 'sessions')).length;
  }

  /** Bytes of all journals together, and of the largest. */
  journals() {
    const sizes = this.files().flatMap(({ name, bytes }) => (name.endsWith('journal.jsonl') ? [bytes] : []));
    return { total: sizes.reduce((sum, bytes) => sum + bytes, 0), largest: Math.max(0, ...sizes) };
  }

  /** Unfinished files, and what lies in the folder for temporary files. */
  tempFiles() {
    const unfinished = this.files().filter(({ name }) => /(^|\/)\.tmp-|\.next$/.test(name));
    return [...unfinished.map(({ name }) => name), ...readdirSync(this.tempDir)];
  }

  files() {
    return readdirSync(this.dataDir, { recursive: true }).flatMap((name) => {
      try {
        const stat = statSync(join(this.dataDir, name));
        return stat.isFile() ? [{ name, bytes: stat.size }] : [];
      } catch {
        // Removed meanwhile.
        return [];
      }
    });
  }

  describe() {
    return this.process.describe();
  }

  async close() {
    if (this.process?.running) {
      this.process.signalTree('SIGTERM');
      await this.process.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
