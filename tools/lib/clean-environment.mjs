/**
 * Variables of this repository's own tooling that would affect a test. NX_NO_CLOUD turns our seam in Nx off, NX_* and
 * INIT_CWD point Nx at this workspace, DTE_* at a real coordinator. With CI_* and GITLAB_*, a test on a real runner
 * would join the session of its own pipeline; CI alone changes how Nx prints. Tests set what they need themselves, so
 * they behave the same on a developer's machine and on a runner.
 */
const SURROUNDINGS =
  /^(NX_|DTE_|CI$|CI_|GITLAB_|INIT_CWD$|npm_lifecycle_|npm_package_|npm_execpath$|NODE_OPTIONS$)/;

export const cleanEnvironment = (env) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !SURROUNDINGS.test(name)));
