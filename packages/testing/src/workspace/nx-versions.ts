/** The newest release of every supported Nx major. */
const NEWEST_OF_MAJORS = ['20.8.4', '21.6.11', '22.7.12', '23.3.2', '24.0.6'] as const;

/** The oldest and the newest, and the one that all other tests use: what differs between them differed in one of the rest, too. */
const FOR_EACH_COMMIT = ['20.8.4', '23.3.2', '24.0.6'] as const;

/** `npm test -- --scheduled`: also what takes too long for each commit. */
export const SCHEDULED = process.env['TEST_SCHEDULED'] === 'true';

/** Exact versions, separated by commas, for a test run by hand or with `npm run majors` (tools/majors.mjs). */
const wanted = process.env['TEST_NX_VERSIONS'];

const usual = SCHEDULED ? NEWEST_OF_MAJORS : FOR_EACH_COMMIT;

/** The versions that e2e tests of several majors install; the integration tests of nx-compat always use every major. */
export const NX_VERSIONS: readonly string[] =
  wanted === undefined || wanted === '' ? usual : wanted.split(',');

/** The version for tests that need only one. */
export const DEFAULT_NX_VERSION = '23.3.2';
