/** The newest release of every Nx major that is supported: the e2e tests install exactly these. */
export const NX_VERSIONS = ['20.8.4', '21.6.11', '22.7.12', '23.3.2', '24.0.6'] as const;

/** Where one version has to stand for all. */
export const DEFAULT_NX_VERSION = '23.3.2';
