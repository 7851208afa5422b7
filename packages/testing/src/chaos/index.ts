export { ChaosBench } from './chaos-bench';
export type { ChaosResult } from './chaos-run';
export { type Fault, planRun, type RunPlan } from './plan';
export { describeResult, noticeLine, summaryLine } from './summary';
