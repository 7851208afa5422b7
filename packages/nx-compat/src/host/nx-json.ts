/** nx.json with the fields that a host changes. */
export interface NxJson extends Record<string, unknown> {
  tasksRunnerOptions?: Record<string, { options?: Record<string, unknown> }>;
}

/** Nx would load the configured runner for each task only to read its options; without it, Nx uses its own default. */
export function withoutRunner(nxJson: NxJson): NxJson {
  const { accessToken: _switch, ...options } = nxJson.tasksRunnerOptions?.['default']?.options ?? {};
  return { ...nxJson, tasksRunnerOptions: { default: { options } } };
}

/** Like --skip-nx-cache: Nx also passes it to the task (NX_SKIP_NX_CACHE), and to every nx that the task calls. */
export const skippingCache = (nxJson: NxJson): NxJson => ({
  ...nxJson,
  tasksRunnerOptions: {
    default: { options: { ...nxJson.tasksRunnerOptions?.['default']?.options, skipNxCache: true } },
  },
});
