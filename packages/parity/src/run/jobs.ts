import { endStartedWith, nxEntry } from '@org/dte-nx-compat';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CannotTry } from '../model/cannot-try';
import type { Copy } from '../copies/copies';
import type { Env } from '../copies/environment';
import { cliOf } from '../copies/own-packages';
import { Recorder } from '../record/recorder';
import { Child } from './child';

/** Every process of a comparison has this variable; detached ones are found by it. */
const MARK = 'PARITY_FOLDER';
/** How long processes may take to stop in the end. Not configurable. */
const GRACE_MS = 5_000;

/** Starts the processes of one comparison, and stops all of them in the end. */
export class Jobs {
  private readonly children: Child[] = [];
  private isStopped = false;

  /** @param root everything of the comparison is below it */
  constructor(private readonly root: string) {
    mkdirSync(join(root, 'logs'), { recursive: true });
  }

  /** Where a process writes what it prints. */
  logOf(name: string): string {
    return join(this.root, 'logs', `${name}.log`);
  }

  private start(copy: Copy, name: string, args: readonly string[], env: Env): Child {
    if (this.isStopped) throw new CannotTry('It was stopped.');
    const child = new Child({
      command: process.execPath,
      args,
      cwd: copy.workspace,
      env: { ...copy.env, ...env, [MARK]: this.root },
      log: this.logOf(name),
    });
    this.children.push(child);
    return child;
  }

  /** `dte …` */
  dte(copy: Copy, name: string, args: readonly string[], env: Env = {}): Child {
    return this.start(copy, name, [cliOf(copy.workspace), ...args], env);
  }

  /** `nx …` */
  nx(copy: Copy, name: string, args: readonly string[], env: Env = {}): Child {
    return this.start(copy, name, [nxEntry(copy.workspace), ...args], env);
  }

  /** `nx …`, with a recording of its tasks. */
  recorded(copy: Copy, name: string, args: readonly string[], env: Env = {}): [Child, Recorder] {
    const recorder = new Recorder(copy.folder, name);
    const options = env['NODE_OPTIONS'] ?? copy.env['NODE_OPTIONS'];
    return [this.nx(copy, name, args, { ...env, ...recorder.env(options) }), recorder];
  }

  /** Stops everything that still runs, detached processes included. */
  async stopAll(): Promise<void> {
    this.isStopped = true;
    // Of a process that has exited, the number may belong to somebody else by now.
    const groups = this.children.filter(({ running }) => running).map(({ pid }) => pid);
    await endStartedWith(MARK, this.root, groups, GRACE_MS);
  }
}
