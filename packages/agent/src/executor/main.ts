import { EXECUTOR_MARK, createTaskHost, endProcesses } from '@org/dte-nx-compat';
import { readLimits } from '@org/dte-protocol';
import { nxOutputs } from '@org/dte-client';
import { openChannel } from './channel';
import { Executor } from './executor';

/** Time for the kernel to remove processes after SIGKILL. Not configurable: `killMs` is the wait before it, and this only ends a process that is leaving. */
const REAP_MS = 3_000;

/** Where the process that starts an executor names the project graph: an argument, which tasks do not inherit. */
const GRAPH_ARGUMENT = 2;

const workspaceRoot = process.cwd();
const { limits } = readLimits(process.env);

/** Without a supervisor, no process receives a result: stop what runs, then exit. */
function onSupervisorLost(): void {
  const leave = () => process.exit(1);
  // Unref'd: it limits the exit but must not delay it.
  setTimeout(leave, limits.killMs + REAP_MS).unref();
  // Also Nx's own helpers: those of a graph that is being built do not detect that nothing waits for them.
  const rest = () => endProcesses(process.pid, process.env[EXECUTOR_MARK] ?? '', limits.killMs);
  executor.stop(limits.killMs).then(rest, rest).then(leave, leave);
}

const channel = openChannel(process, (message) => executor.receive(message), onSupervisorLost);
const executor: Executor = new Executor({
  workspaceRoot,
  limits,
  env: process.env,
  outputs: nxOutputs(workspaceRoot),
  channel,
  createHost: (given) => createTaskHost({ workspaceRoot, ...given }),
  sharedGraph: process.argv[GRAPH_ARGUMENT],
});

// Later: an address that was already sent is handled first, and the remote cache opened with it immediately.
setImmediate(() => void executor.start());
