import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hello } from '@org/dte-protocol';
import { HTTP } from '@org/dte-protocol';
import { exampleHello, httpCall, RawClient, waitFor } from '@org/dte-testing';
import { mustHold } from './target';

const ROOT = join(__dirname, '..', '..', '..', '..');
const HOOK = join(ROOT, 'tools', 'lib', 'fuzz', 'typescript.cjs');
const MAIN = join(__dirname, '..', 'scenarios', 'fuzz-coordinator.ts');
/** The data folder is this deep below the folder of the target, so that `..` ends somewhere that is looked at. */
const DEPTH = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** A fresh one has about 120 MB. */
const MOST_MB = 500;
const HEAP_MB = 350;
const START_MS = 60_000;

/** The words of an error that nobody has foreseen. */
export const UNFORESEEN = 'DTE_INTERNAL';

/** A coordinator of this machine without a secret, as a real process that listens; with what must hold after each batch. */
export class LiveCoordinator {
  private calls = 0;
  private output = '';
  private readonly allowed: string[];

  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    readonly dataDir: string,
  ) {
    this.allowed = DEPTH.map((_, index) => DEPTH.slice(0, index + 1).join('/'));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  static async start(folder: string): Promise<LiveCoordinator> {
    const cwd = join(folder, ...DEPTH);
    mkdirSync(cwd, { recursive: true });
    const dataDir = join(cwd, 'data');
    const child = spawn(
      process.execPath,
      ['--require', HOOK, `--max-old-space-size=${HEAP_MB}`, MAIN, dataDir],
      { cwd, env: { PATH: process.env['PATH'], TMPDIR: cwd, HOME: process.env['HOME'] }, stdio: 'pipe' },
    );
    const live = new LiveCoordinator(folder, child, dataDir);
    await waitFor('the coordinator', () => live.output.includes('http://') || child.exitCode !== null, {
      deadlineMs: START_MS,
      lastState: () => live.output,
    });
    return live;
  }

  get url(): string {
    return /^http:\S+$/m.exec(this.output)?.[0] ?? '';
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** A client that does everything right; disconnect it with `kill`. */
  async client(overrides: Partial<Hello> = {}): Promise<RawClient> {
    return RawClient.hello(this.url, exampleHello(overrides));
  }

  /** Fails if a correct client is not served, memory grows, something is written elsewhere, or something unforeseen is logged. */
  async check(): Promise<void> {
    const { child } = this;
    mustHold(
      child.exitCode === null && child.signalCode === null,
      () => `The coordinator is gone:\n${this.tail()}`,
    );
    await this.serves();
    const megabytes = this.residentMb();
    mustHold(megabytes < MOST_MB, () => `The coordinator has ${megabytes} MB.`);
    const elsewhere = this.filesElsewhere();
    mustHold(elsewhere.length === 0, () => `Outside of the data folder: ${elsewhere.join(', ')}`);
    const errors = this.output
      .split('\n')
      .filter((line) => /"level":"(error|fatal)"/.test(line) || line.includes('    at '));
    mustHold(errors.length === 0, () => `The log has: ${errors.slice(0, 3).join('\n')}`);
    this.output = `${this.url}\n`;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  private async serves(): Promise<void> {
    this.calls += 1;
    const client = await this.client({ role: 'main', sessionId: 'live', clientId: 'live', slots: null });
    const path = HTTP.cache(`live-${this.calls}`);
    const content = `content ${this.calls}`;
    const put = await httpCall(this.url, { method: 'PUT', path, token: client.token, body: content });
    const got = await httpCall(this.url, { path, token: client.token });
    await client.kill();
    mustHold(
      put.status === 200 && got.text === content,
      () => `A correct client got ${put.status}, ${got.status}.`,
    );
  }

  private residentMb(): number {
    const status = readFileSync(`/proc/${this.child.pid ?? 0}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  }

  private filesElsewhere(): string[] {
    const inside = join(...DEPTH, 'data');
    return readdirSync(this.folder, { recursive: true, encoding: 'utf8' }).filter(
      (path) => path !== inside && !path.startsWith(`${inside}/`) && !this.allowed.includes(path),
    );
  }

  private tail(): string {
    return this.output.split('\n').slice(-20).join('\n');
  }
}
