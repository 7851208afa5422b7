/** nx.json, as far as a host changes what Nx reads in it. */
export interface NxJson extends Record<string, unknown> {
  tasksRunnerOptions?: Record<string, { options?: Record<string, unknown> }>;
}

/** Nx would load the configured runner for each task only to read its options; without it, its own default is taken. */
export function withoutRunner(nxJson: NxJson): NxJson {
  const { accessToken: _switch, ...options } = nxJson.tasksRunnerOptions?.['default']?.options ?? {};
  return { ...nxJson, tasksRunnerOptions: { default: { options } } };
}

/** As --skip-nx-cache: Nx tells the task too (NX_SKIP_NX_CACHE), and with it every nx that the task calls. */
export const skippingCache = (nxJson: NxJson): NxJson => ({
  ...nxJson,
  tasksRunnerOptions: {
    default: { options: { ...nxJson.tasksRunnerOptions?.['default']?.options, skipNxCache: true } },
  },
});
