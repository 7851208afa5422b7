// Preloaded into every process of a benchmark with --trace: agents and their executors write down when they start commands, see them
// end, and tell each other something. `slot-gaps.mjs` reads it.
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = process.env.DTE_BENCH_TRACE;
const isExecutor = process.env.DTE_EXECUTOR === '1' && process.send !== undefined;
// A task has the environment of its executor, and no channel to it.
if (folder && (isExecutor || process.env.DTE_EXECUTOR !== '1')) trace();

function trace() {
  const { ChildProcess } = require('node:child_process');
  const role = isExecutor ? 'executor' : 'supervisor';
  const file = join(folder, `${process.pid}.jsonl`);
  let running;
  const note = (what, task) => {
    const atMs = performance.timeOrigin + performance.now();
    appendFileSync(file, `${JSON.stringify({ atMs, role, what, task, machine: process.cwd() })}\n`);
  };
  const noteAll = (way, frame) => {
    for (const message of [frame].flat()) {
      const task = message?.ref?.taskId ?? message?.assignment?.taskId;
      if (typeof message?.type !== 'string' || task === undefined) continue;
      if (isExecutor && way === 'got' && (message.type === 'run' || message.type === 'go')) running = task;
      note(`${way} ${message.type}`, task);
    }
  };
  const noting = (target, name, way, isNoted) => {
    const original = target[name];
    target[name] = function (...values) {
      if (isNoted(values)) noteAll(way, values[way === 'got' ? 1 : 0]);
      return original.apply(this, values);
    };
  };

  if (isExecutor) {
    noting(process, 'send', 'sent', () => true);
    // The executor replaces this function with its own, which lets no message through.
    let emit = process.emit;
    Object.defineProperty(process, 'emit', {
      configurable: true,
      get: () => emit,
      set: (replacement) => {
        emit = function (...values) {
          if (values[0] === 'message') noteAll('got', values[1]);
          return replacement.apply(this, values);
        };
      },
    });
  }
  const { spawn } = ChildProcess.prototype;
  ChildProcess.prototype.spawn = function (...values) {
    const task = running;
    if (isExecutor) note('spawn', task);
    const result = spawn.apply(this, values);
    if (isExecutor) {
      note('spawned', task);
      this.prependListener('exit', () => note('exit', task));
      this.prependListener('close', () => note('close', task));
    } else if (this.send !== undefined) {
      noting(this, 'send', 'sent', () => true);
      noting(this, 'emit', 'got', ([event]) => event === 'message');
    }
    return result;
  };
}
