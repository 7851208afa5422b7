/** The tasks runner, and the module that Nx looks for under the name `nx-cloud`. */
export const RUNNER = '@org/dte';
export const SHIM = '@org/dte-nx-cloud-shim';
export const ALIAS = 'nx-cloud';
export const VENDOR_RUNNERS: readonly string[] = ['nx-cloud', '@nrwl/nx-cloud'];
/** Runners that are names of Nx's own default. */
export const DEFAULT_RUNNERS: readonly string[] = [
  'nx/tasks-runners/default',
  '@nrwl/workspace/tasks-runners/default',
  '@nx/workspace/tasks-runners/default',
];
/** Any text turns the runner on in Nx 21 and later; it is not a secret. */
export const ACCESS_TOKEN = 'dte';
