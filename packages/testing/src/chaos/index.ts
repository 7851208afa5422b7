export { ChaosBench } from './chaos-bench';
export type { ChaosResult } from './chaos-run';
export { type Fault, FAULT_KINDS, planRun, type RunPlan } from './plan';
export { coverageLine, describeResult, noticeLine, summaryLine } from './summary';
export { TcpProxy } from './tcp-proxy';
