export { hasPackageRegistry, readGitlabJob, type GitlabJob } from './gitlab-job';
