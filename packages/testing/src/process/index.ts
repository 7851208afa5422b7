export { isRunning, type ProcessInfo, processesBelow, processTree, signalProcess } from './process-table';
export { type ProcessExit, type ProcessOptions, RunningProcess } from './running-process';
export { DEFAULT_DEADLINE_MS, waitFor, type WaitOptions } from './wait-for';
