// `@org/dte-agent/core`: what an agent decides, without processes and sockets. The simulation runs this code, and nothing else
// imports it: what it offers may change at any time.
export type { FromExecutor, RunMessage, ToExecutor } from '../executor/ipc';
export { Leaving } from '../supervisor/leaving';
export { Supervisor } from '../supervisor/supervisor';
export type { SupervisorOptions } from '../supervisor/supervisor-options';
