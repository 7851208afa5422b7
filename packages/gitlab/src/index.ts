export { lastArtifact } from './artifacts/last-artifact';
export { findBase, findHead } from './base';
export { extraAuthorities } from './http';
export { readGitlabJob, type GitlabJob } from './job';
export { keepNote, notesAccessOf } from './note/keep-note';
export { mergeRequestOf } from './note/merge-request-of';
export { PLAN_FILE, renderDynamicPipeline } from './pipeline';
export { GitlabPackagesRendezvous, PackageRegistry, registryAccessOf } from './rendezvous';
export { embeddedLimits, watchJob } from './watch/job-watch';
