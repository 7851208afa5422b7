/** An executor that behaves as the target of its task says. Plain JavaScript, because it is forked. */
const { spawn } = require('node:child_process');
const { appendFileSync, existsSync } = require('node:fs');

const CHUNK = 64 * 1024;
const say = (message) => process.send([message]);
const note = (line) => appendFileSync('executors.log', `${line}\n`);
let stopped = null;
/** Continues an attempt that waits for a slot. */
let go = null;

const finished = (taskId) => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: '1',
  startMs: 1,
  endMs: 2,
  artifact: { kind: 'cache', hash: `hash-of-${taskId.replaceAll(':', '-')}` },
  reason: null,
  hashDetails: null,
});
const failed = () => ({
  ...finished('x'),
  status: 'failure',
  code: 3,
  artifact: { kind: 'attempt', attempt: 1 },
});

const behaviours = {
  build: (ref, end) => {
    say({ type: 'output', ref, offset: 0, data: `building ${ref.taskId}\nlast words` });
    end(finished(ref.taskId));
  },
  lint: (_ref, end) => end(failed()),
  crash: () => {
    process.stderr.write('first line\nFATAL ERROR: heap out of memory\n', () => process.exit(7));
  },
  /** Ends when a file appears, or when it is stopped. */
  wait: (ref, end) => {
    const look = setInterval(() => {
      if (stopped === null && !existsSync(`go-${ref.taskId.split(':')[0]}`)) return;
      clearInterval(look);
      end(stopped ?? finished(ref.taskId));
    }, 5);
  },
  /** Ignores messages, and has children that do not exit by themselves. */
  hang: () => {
    const script = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)`;
    const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' });
    child.unref();
    note(`child ${child.pid}`);
    process.removeAllListeners('message');
    setInterval(() => undefined, 1e6);
  },
  /** Like one whose Nx blocks the event loop: it does not stop what it should. */
  stuck: () => behaviours.hang(),
  /** Its command ends in time, but storing its outputs takes longer. */
  slow: (ref, end) => {
    say({ type: 'ran', ref });
    behaviours.wait(ref, end);
  },
  /** Its command ends when a file appears, and its outputs are stored when another one does. */
  store: (ref, end) => {
    const look = setInterval(() => {
      if (!existsSync(`freed-${ref.taskId.split(':')[0]}`)) return;
      clearInterval(look);
      say({ type: 'freed', ref, outputs: [] });
      behaviours.wait(ref, end);
    }, 5);
  },
  /** Prints what was forwarded to it, everywhere it can. */
  reveal: (ref, end, { forwarded }) => {
    say({ type: 'output', ref, offset: 0, data: `with ${forwarded.TOKEN}\n` });
    end({ kind: 'returned', reason: { code: 'DTE_NX_FAILED', message: `Nx says ${forwarded.TOKEN}` } });
  },
  /** Needs a server while it waits, and then fails. */
  user: (ref, end) => {
    const server = { taskId: 'x:serve', identity: '', needs: [] };
    say({ type: 'needs-servers', ref, servers: [server], needs: [{ taskId: 'x:serve', untilReady: true }] });
    behaviours.wait(ref, () => end(failed()));
  },
  flood: (ref, end) => {
    for (let i = 0; i < 80; i++)
      say({ type: 'output', ref, offset: i * CHUNK, data: `${'x'.repeat(CHUNK - 1)}\n` });
    end(finished(ref.taskId));
  },
};

process.on('message', (message) => {
  if (message.type === 'stop')
    stopped = { kind: 'returned', reason: { code: 'DTE_CANCELLED', message: 'stopped' } };
  if (message.type === 'stop' && go !== null) {
    say({ type: 'result', ref: message.ref, result: stopped, outputs: [] });
    go = null;
  }
  if (message.type === 'go') {
    note(`go ${message.ref.taskId} restore=${message.restore.map((entry) => entry.taskId).join(',')}`);
    go?.();
    go = null;
  }
  if (message.type === 'coordinator') note(`coordinator ${message.url} ${message.token}`);
  if (message.type === 'serve') {
    note(`server ${process.pid}`);
    for (const name of ['started', 'ready']) say({ type: 'server', ref: message.ref, state: { name } });
  }
  if (message.type !== 'run') return;
  stopped = null;
  const { runId, taskId, attempt } = message.assignment;
  const ref = { runId, taskId, attempt };
  note(`run ${taskId} ${attempt} restore=${message.restore.map((entry) => entry.taskId).join(',')}`);
  for (const entry of message.restore)
    say({ type: 'restored', ref, taskId: entry.taskId, ok: true, outputs: [], kept: [], seen: [] });
  const begin = () => {
    const timeoutMs = /:(stuck|slow)$/.test(taskId) ? 50 : undefined;
    say({ type: 'executing', ref, startMs: Date.now(), timeoutMs });
    behaviours[taskId.split(':')[1]](
      ref,
      (result) => say({ type: 'result', ref, result, outputs: [] }),
      message,
    );
  };
  if (message.waits !== true) begin();
  else {
    go = begin;
    say({ type: 'prepared', ref });
  }
});
process.on('disconnect', () => process.exit(0));

const { DTE_SECRET: secret = 'none', DTE_ID_TOKEN: idToken = 'none', DTE_EXECUTOR } = process.env;
note(`start ${process.pid} secret=${secret} idToken=${idToken} executor=${DTE_EXECUTOR}`);
if (process.env.FAKE_START === 'unable') {
  say({
    type: 'unable',
    reason: { code: 'DTE_EXECUTOR_START', message: 'Nx could not build the project graph: no' },
  });
} else if (process.env.FAKE_START === 'exit') {
  process.stderr.write('Cannot find module nx\n', () => process.exit(4));
} else {
  say({ type: 'ready' });
}
