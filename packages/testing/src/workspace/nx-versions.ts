/** The newest release of every supported Nx major: the e2e tests install exactly these. */
const NEWEST_OF_MAJORS = ['20.8.4', '21.6.11', '22.7.12', '23.3.2', '24.0.6'] as const;

/** Exact versions, separated by commas, for a test run by hand or with `npm run majors` (tools/majors.mjs). */
const wanted = process.env['TEST_NX_VERSIONS'];

/** The versions that tests of every major install. */
export const NX_VERSIONS: readonly string[] =
  wanted === undefined || wanted === '' ? NEWEST_OF_MAJORS : wanted.split(',');

/** The version for tests that need only one. */
export const DEFAULT_NX_VERSION = '23.3.2';
