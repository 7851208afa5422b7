import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine, RunOptions } from '../workspace';
import type { RunningProcess } from '../process';

/** What Nx reported about one task to its life cycles. */
export interface RecordedTask {
  readonly status: string;
  readonly code: number | null;
  readonly terminalOutput: string;
  /** How often it started and ended; more than once is suspicious. */
  readonly starts: number;
  readonly ends: number;
  /** Its existing outputs at the end of the command, as Nx itself expands them. */
  readonly outputs: readonly string[];
}

export type RecordedTasks = Readonly<Record<string, RecordedTask>>;

/**
 * Loaded into the nx command before anything else. The life cycle that writes run.json exists on every major, gets
 * every task and is the same wherever the tasks run: its calls are recorded. Child processes of the command do not
 * inherit this.
 */
const RECORDER = `
const Module = require('node:module');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const file = process.env.PARITY_RECORD;
process.env.NODE_OPTIONS = (process.env.NODE_OPTIONS || '').replace('--require=' + __filename, '').trim();
if (!process.env.NODE_OPTIONS) delete process.env.NODE_OPTIONS;
delete process.env.PARITY_RECORD;
const tasks = {};
const of = (task) => (tasks[task.id] ??= { status: '', code: null, terminalOutput: '', printed: '', starts: 0, ends: 0, outputs: task.outputs || [] });
const hooks = {
  startTasks: (started) => { for (const task of started) of(task).starts++; },
  printTaskTerminalOutput: (task, status, output) => { of(task).printed += output; },
  endTasks: (results) => {
    for (const { task, status, code, terminalOutput } of results) {
      const known = of(task);
      Object.assign(known, { status, code: code ?? null, terminalOutput, outputs: task.outputs || [] });
      known.ends++;
    }
  },
};
const load = Module._load;
Module._load = function (request, ...rest) {
  const exported = load.call(this, request, ...rest);
  if (/(^|\\/)store-run-information-life-cycle(\\.js)?$/.test(request)) {
    const type = exported.StoreRunInformationLifeCycle.prototype;
    if (!type.isRecorded) {
      type.isRecorded = true;
      for (const [name, hook] of Object.entries(hooks)) {
        const inner = type[name];
        type[name] = function (...args) { hook(...args); return inner?.apply(this, args); };
      }
    }
  }
  return exported;
};
process.on('exit', () => {
  const { expandOutputs } = Module.createRequire(join(process.cwd(), 'package.json'))('nx/src/native');
  for (const task of Object.values(tasks)) {
    task.terminalOutput ??= task.printed;
    delete task.printed;
    task.outputs = task.outputs.length ? expandOutputs(process.cwd(), task.outputs) : [];
  }
  writeFileSync(file, JSON.stringify(tasks));
});
`;

/** An nx command whose tasks are recorded. */
export class RecordedCommand {
  private constructor(
    readonly process: RunningProcess,
    private readonly file: string,
  ) {}

  static start(machine: Machine, args: readonly string[], options: RunOptions = {}): RecordedCommand {
    const [recorder, file] = ['recorder.cjs', 'record.json'].map((name) => join(machine.folder, name)) as [
      string,
      string,
    ];
    writeFileSync(recorder, RECORDER);
    rmSync(file, { force: true });
    const env = { ...machine.env, ...options.env };
    const nodeOptions = [env['NODE_OPTIONS'], `--require=${recorder}`].filter(Boolean).join(' ');
    const process = machine.startNx(args, {
      ...options,
      env: { ...options.env, NODE_OPTIONS: nodeOptions, PARITY_RECORD: file },
    });
    return new RecordedCommand(process, file);
  }

  /** @throws Error if the command ended without a recording: it was killed */
  tasks(): RecordedTasks {
    try {
      return JSON.parse(readFileSync(this.file, 'utf8')) as RecordedTasks;
    } catch (cause) {
      throw new Error(`${this.process.name} left no record of its tasks.\n${this.process.describe()}`, {
        cause,
      });
    }
  }
}
