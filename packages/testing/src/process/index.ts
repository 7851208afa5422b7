export { isRunning, type ProcessInfo, processesBelow, processTree, signalProcess } from './process-table';
export { type ProcessExit, RunningProcess } from './running-process';
export { waitFor } from './wait-for';
