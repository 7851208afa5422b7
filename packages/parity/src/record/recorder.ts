import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** What was recorded of a command that has ended. */
export interface Recording {
  readonly tasks: RecordedTasks;
  /** Nx has ended the command itself: false if its process ended in the middle of it. */
  readonly completed: boolean;
}

/** How far a command is. */
export interface RecordedProgress {
  readonly ended: number;
  readonly running: readonly string[];
}

/**
 * Loaded into the nx command before anything else. The life cycle that writes run.json exists on every major, gets
 * every task and is the same wherever the tasks run: its calls are recorded. Child processes of the command do not
 * inherit this.
 */
const RECORDER = `
const Module = require('node:module');
const { appendFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const file = process.env.PARITY_RECORD;
process.env.NODE_OPTIONS = (process.env.NODE_OPTIONS || '').replace('--require=' + JSON.stringify(__filename), '').trim();
if (!process.env.NODE_OPTIONS) delete process.env.NODE_OPTIONS;
delete process.env.PARITY_RECORD;
const tasks = {};
let completed = false;
const note = (mark, id) => { try { appendFileSync(file + '.live', mark + id + '\\n'); } catch {} };
const of = (task) => (tasks[task.id] ??= { status: '', code: null, terminalOutput: '', printed: '', starts: 0, ends: 0, outputs: task.outputs || [] });
const hooks = {
  startTasks: (started) => { for (const task of started) { of(task).starts++; note('+', task.id); } },
  printTaskTerminalOutput: (task, status, output) => { of(task).printed += output; },
  endTasks: (results) => {
    for (const { task, status, code, terminalOutput } of results) {
      const known = of(task);
      Object.assign(known, { status, code: code ?? null, terminalOutput, outputs: task.outputs || [] });
      known.ends++;
      note('-', task.id);
    }
  },
  endCommand: () => { completed = true; },
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
  // Without tasks there is nothing to end.
  writeFileSync(file, JSON.stringify({ tasks, completed: completed || Object.keys(tasks).length === 0 }));
});
`;

/** Prepares the recording of one nx command; its files are below `folder`. */
export class Recorder {
  private readonly file: string;

  constructor(folder: string, name: string) {
    this.file = join(folder, `${name}.record.json`);
    writeFileSync(this.script, RECORDER);
  }

  private get script(): string {
    return `${this.file}.cjs`;
  }

  /** Variables of the command's process. */
  env(nodeOptions = ''): { NODE_OPTIONS: string; PARITY_RECORD: string } {
    const own = `--require=${JSON.stringify(this.script)}`;
    return { NODE_OPTIONS: [nodeOptions, own].filter(Boolean).join(' '), PARITY_RECORD: this.file };
  }

  /** While the command runs. */
  progress(): RecordedProgress {
    const live = `${this.file}.live`;
    if (!existsSync(live)) return { ended: 0, running: [] };
    const [running, ended] = [new Set<string>(), new Set<string>()];
    for (const line of readFileSync(live, 'utf8').split('\n')) {
      const id = line.slice(1);
      if (line.startsWith('+') && !ended.has(id)) running.add(id);
      if (line.startsWith('-')) {
        running.delete(id);
        ended.add(id);
      }
    }
    return { ended: ended.size, running: [...running] };
  }

  /** Null if the command ended without a recording: it was killed. */
  read(): Recording | null {
    return existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as Recording) : null;
  }
}
