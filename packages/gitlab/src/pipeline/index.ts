export { GITLAB_FILE, PLAN_FILE, type GitlabFileOptions, type PackageManager } from './options';
export { lockfilesOf, PACKAGE_MANAGERS } from './package-managers';
export { renderComponent } from './render-component';
export { renderDynamicPipeline } from './render-dynamic';
export { renderGitlabFile } from './render-file';
