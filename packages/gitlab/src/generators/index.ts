export { inspectPipeline, type PipelineView } from './inspect/inspect-pipeline';
export { inspectPlacement, type PlacementProblem } from './inspect/placement';
export { remove } from './remove/remove';
export { setupGitlab } from './setup-gitlab/setup-gitlab';
export type { AfterWrite } from './workspace/tree';
