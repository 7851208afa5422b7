export { artifactPaths } from './artifact-paths';
export { hasBrowser, imageWith } from './browser-image';
export { browsersOf, chooseTargets, plainList, type Chosen } from './choose-targets';
export { describeWork, workOfPipeline, type Sentence } from './describe-work';
export { projectsByTarget, targetsOfWorkspace, type TargetsOfProject } from './workspace-targets';
