export { openGitlabArtifacts } from './open';
