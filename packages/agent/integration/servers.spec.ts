import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, waitFor, testLimits, tempFolders } from '@org/dte-testing';
import { type NeedsServers } from '../src/executor/ipc';
import { Servers } from '../src/supervisor/servers';
import { TaskLog } from '../src/supervisor/task-log';

const folder = tempFolders();
let workspace: string;
let output: string;
let servers: Servers;

function open(serverIdleMs = 60_000, executorFrozenMs = 60_000): void {
  servers = new Servers({
    path: join(__dirname, 'fake-server.cjs'),
    workspaceRoot: workspace,
    env: process.env,
    limits: { ...testLimits(), killMs: 2_000, serverIdleMs, executorFrozenMs },
    log: new TaskLog({ stream: { write: (text) => void (output += text) }, env: {}, slots: () => 1 }),
    graph: () => null,
  });
}

beforeEach(() => {
  workspace = folder();
  output = '';
  open();
});
afterEach(async () => {
  await servers.close();
  expect(pids().filter(isRunning)).toEqual([]);
});

const started = (): string[] => {
  const path = join(workspace, 'servers.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
};
const pids = (): number[] => started().map((line) => Number(line.split(' ')[1]));

/** An attempt that needs one server, which may need others. */
const attempt = (taskId: string, below: readonly string[] = [], untilReady = false): NeedsServers => ({
  type: 'needs-servers',
  ref: { runId: 'r', taskId: 'e2e:run', attempt: 1 },
  servers: [
    ...below.map((id) => ({ taskId: id, identity: '', needs: [] })),
    { taskId, identity: '', needs: below.map((id) => ({ taskId: id, untilReady })) },
  ],
  needs: [{ taskId, untilReady }],
});
const ofRun = (runId: string, needs: NeedsServers): NeedsServers => ({
  ...needs,
  ref: { ...needs.ref, runId },
});
const bring = (user: string, needs: NeedsServers) =>
  servers.bring(user, needs, { specFile: 'run.json', forwarded: {} });

it('starts one process for all tasks that need a server, and stops it some time after the last of them', async () => {
  open(30);
  await Promise.all([bring('a', attempt('app:serve')), bring('b', attempt('app:serve'))]);
  expect(started()).toHaveLength(1);
  await waitFor('what it prints', () => output.includes('listens'));
  expect(servers.report('a')).toEqual([
    { taskId: 'app:serve', failed: false, ended: null, output: 'app:serve listens\n' },
  ]);
  expect(servers.report('b')).toEqual([{ taskId: 'app:serve', failed: false, ended: null, output: '' }]);
  servers.release('a');
  expect(pids().filter(isRunning)).toHaveLength(1);
  servers.release('b');
  await waitFor('its end', () => output.includes('server stopped'));
  expect(pids().filter(isRunning)).toEqual([]);
  expect(output).toBe(
    '▶ app:serve  server\napp:serve | app:serve listens\n■ app:serve  server stopped: no longer needed\n',
  );
});

it('keeps a server for the next task, and stops it before a task that must run alone', async () => {
  await bring('a', attempt('app:serve'));
  servers.release('a');
  expect(await bring('b', attempt('app:serve'))).toEqual({ kind: 'up' });
  expect(started()).toHaveLength(1);
  await servers.stopIdle();
  expect(pids().filter(isRunning)).toHaveLength(1);
  servers.release('b');
  await servers.stopIdle();
  expect(pids().filter(isRunning)).toEqual([]);
});

it('starts another server for the next command when the last one has stopped, and shares it with a command at the same time', async () => {
  await bring('a', attempt('app:serve'));
  servers.release('a');
  expect(await bring('b', ofRun('other', attempt('app:serve')))).toEqual({ kind: 'up' });
  const [first, second] = pids();
  expect([isRunning(first!), isRunning(second!)]).toEqual([false, true]);
  expect(await bring('c', attempt('app:serve'))).toEqual({ kind: 'up' });
  expect(started()).toHaveLength(2);
  servers.release('b');
  servers.release('c');
  const arguments_ = { ...attempt('app:serve').servers[0]!, identity: 'with other arguments' };
  await bring('d', ofRun('other', { ...attempt('app:serve'), servers: [arguments_] }));
  expect(pids().filter(isRunning)).toHaveLength(1);
  expect(started()).toHaveLength(3);
});

it('keeps a server for the next task of every command that has shared it, not only of the one that it was started for', async () => {
  await bring('a', attempt('app:serve'));
  await bring('b', ofRun('other', attempt('app:serve')));
  for (const user of ['a', 'b']) servers.release(user);
  await bring('c', ofRun('other', attempt('app:serve')));
  servers.release('c');
  await bring('d', attempt('app:serve'));
  servers.release('d');
  expect(started()).toHaveLength(1);
  await bring('e', ofRun('third', attempt('app:serve')));
  expect(started()).toHaveLength(2);
});

it('lets two commands take turns if they need the same server with different variables at the same time', async () => {
  const withValues = (runId: string, identity: string): NeedsServers =>
    ofRun(runId, {
      ...attempt('app:serve'),
      servers: [{ ...attempt('app:serve').servers[0]!, identity }],
    });
  expect(await bring('a', withValues('one', 'staging'))).toEqual({ kind: 'up' });
  const other = bring('b', withValues('two', 'production'));
  expect(await bring('c', attempt('api:serve'))).toEqual({ kind: 'up' });
  expect(started().map((line) => line.split(' ')[0])).toEqual(['app:serve', 'api:serve']);
  servers.release('a');
  expect(await other).toEqual({ kind: 'up' });
  const [first, , second] = pids();
  expect([isRunning(first!), isRunning(second!)]).toEqual([false, true]);
  // A task that is cancelled while it waits does not block others.
  const waiting = bring('d', withValues('three', 'staging'));
  servers.release('d');
  expect((await waiting).kind).toBe('unable');
  expect(servers.report('b')).toHaveLength(1);
});

it('reports with every task that needed it that a server crashed, and starts it again for the next task', async () => {
  expect(await bring('a', attempt('app:dies'))).toEqual({ kind: 'up' });
  await waitFor('its death', () => output.includes('✖'));
  expect(servers.report('a')).toEqual([
    {
      taskId: 'app:dies',
      failed: true,
      ended: 'app:dies ended with exit code 4.',
      output: 'app:dies listens\n',
    },
  ]);
  await bring('b', attempt('app:dies'));
  expect(started()).toHaveLength(2);
});

it('stops a suspended server, reports it as lost to the tasks that used it, and starts it again for the next task', async () => {
  open(60_000, 200);
  expect(await bring('a', attempt('app:serve'))).toEqual({ kind: 'up' });
  expect(servers.lostOf('a')).toBeNull();
  const [frozen] = pids();
  process.kill(frozen!, 'SIGSTOP');
  await waitFor('its end', () => servers.lostOf('a') !== null && !isRunning(frozen!));
  expect(servers.lostOf('a')).toMatchObject({ code: 'DTE_EXECUTOR_FROZEN' });
  expect(servers.report('a')).toMatchObject([{ taskId: 'app:serve', failed: false }]);
  expect(await bring('b', attempt('app:serve'))).toEqual({ kind: 'up' });
  expect(servers.lostOf('b')).toBeNull();
  expect(started()).toHaveLength(2);
});

it('starts nothing that waits for a server that is never ready, including other servers', async () => {
  expect(await bring('a', attempt('web:serve', ['app:never'], true))).toEqual({ kind: 'failed' });
  expect(started()).toHaveLength(1);
  const [app, web] = servers.report('a');
  expect([app?.failed, web?.failed]).toEqual([true, false]);
  expect(web?.ended).toBe('web:serve was not started because a server that it needs failed.');
});

it('returns a task when its server could not be started for reasons of infrastructure', async () => {
  expect(await bring('a', attempt('app:unable'))).toEqual({
    kind: 'unable',
    reason: { code: 'DTE_NX_FAILED', message: 'no such executor' },
  });
});

it('stops a server that is still starting when its agent exits', async () => {
  const coming = bring('a', attempt('app:serve'));
  await servers.close();
  expect((await coming).kind).toBe('unable');
});
