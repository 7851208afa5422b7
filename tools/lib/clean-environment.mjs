/**
 * What the surroundings of this repository's own tooling would tell a test. NX_NO_CLOUD switches our seam in Nx off,
 * NX_* and INIT_CWD point Nx at this workspace, DTE_* at a real coordinator, and CI_* and GITLAB_* make a
 * test on a real runner join the session of the pipeline it runs in; CI alone changes how Nx prints. A test sets what
 * it needs by itself, and so finds the same on a laptop and on a runner.
 */
const SURROUNDINGS =
  /^(NX_|DTE_|CI$|CI_|GITLAB_|INIT_CWD$|npm_lifecycle_|npm_package_|npm_execpath$|NODE_OPTIONS$)/;

export const cleanEnvironment = (env) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !SURROUNDINGS.test(name)));
