import { createTaskHost } from '@org/dte-nx-compat';
import { readLimits } from '@org/dte-protocol';
import { nxOutputs } from '../artifacts';
import { openChannel } from './channel';
import { Executor } from './executor';

const workspaceRoot = process.cwd();
const { limits } = readLimits(process.env);

/** Without a supervisor nobody hears of a result: end what runs, then leave. */
function onSupervisorLost(): void {
  const leave = () => process.exit(1);
  // Unref'd: it bounds the end and must not delay it.
  setTimeout(leave, limits.killMs + 1_000).unref();
  executor.stop(limits.killMs).then(leave, leave);
}

const channel = openChannel(process, (message) => executor.receive(message), onSupervisorLost);
const executor: Executor = new Executor({
  ...{ workspaceRoot, limits, env: process.env, outputs: nxOutputs(workspaceRoot), channel },
  createHost: (remoteCache) => createTaskHost({ workspaceRoot, remoteCache }),
});

// A turn later: an address that was sent already is heard first, and the remote cache opened with it at once.
// When it cannot start, the supervisor hears of it and ends this process.
setImmediate(() => void executor.start());
