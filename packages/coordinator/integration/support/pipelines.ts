import { type Hello, PROTOCOL_VERSION } from '@org/dte-protocol';
import {
  exampleHello,
  type FakeClaims,
  type FakeGitlab,
  type IdTokenOptions,
  TEST_COMMIT,
} from '@org/dte-testing';

export const SECRET = 'correct horse battery staple';
/** The session that all callers try to join. */
export const SESSION = '42-1001';

export const claimsOf = (overrides: Partial<FakeClaims> = {}): FakeClaims => ({
  project_id: '42',
  pipeline_id: '1001',
  job_id: '7',
  sha: TEST_COMMIT,
  ...overrides,
});

/** The hello of a job of the session's pipeline. */
export const helloOf = (role: Hello['role'], idToken: string | null, overrides: Partial<Hello> = {}): Hello =>
  exampleHello({
    role,
    idToken,
    sessionId: SESSION,
    slots: null,
    protocolVersion: PROTOCOL_VERSION,
    ...overrides,
  });

/** The instance that is accepted, and one that is not. */
export interface Instances {
  readonly gitlab: FakeGitlab;
  readonly stranger: FakeGitlab;
}

/** A job that must not join the session, with its credentials. */
export interface Caller {
  readonly what: string;
  readonly secret?: string;
  readonly idToken: (instances: Instances) => string | null;
  readonly code: 'DTE_BAD_SECRET' | 'DTE_ID_TOKEN_REFUSED';
  readonly message: string;
}

const token =
  (claims: Partial<FakeClaims>, options: IdTokenOptions = {}) =>
  ({ gitlab }: Instances): string =>
    gitlab.idToken(claimsOf(claims), options);

const refused = (what: string, idToken: Caller['idToken'], message: string): Caller => ({
  what,
  secret: SECRET,
  idToken,
  message,
  code: 'DTE_ID_TOKEN_REFUSED',
});

/** Every kind of caller that a coordinator with issuers and a secret rejects. */
export const STRANGERS: readonly Caller[] = [
  { what: 'nothing', idToken: () => null, code: 'DTE_BAD_SECRET', message: 'has no secret' },
  { what: 'an id token but no secret', idToken: token({}), code: 'DTE_BAD_SECRET', message: 'has no secret' },
  {
    what: 'an id token and a wrong secret',
    secret: 'wrong',
    idToken: token({}),
    code: 'DTE_BAD_SECRET',
    message: 'a different secret',
  },
  refused('the secret but no id token', () => null, 'There is no id token'),
  refused('an id token of another instance', ({ stranger }) => stranger.idToken(claimsOf()), 'was issued by'),
  refused(
    'an id token that another instance signed in the name of this one',
    ({ gitlab, stranger }) => stranger.idToken({ ...claimsOf(), iss: gitlab.issuer }),
    'was signed with a key',
  ),
  refused('an id token for another audience', token({}, { audience: 'vault' }), 'another audience'),
  refused('an unsigned id token', token({}, { alg: 'none' }), 'signed with "none"'),
  refused('an id token signed with the public key', token({}, { alg: 'HS256' }), 'signed with "HS256"'),
  refused('an expired id token', token({}, { expiresInS: -60 }), 'expired at'),
  refused('an id token of another project', token({ project_id: '43' }), 'project 43'),
  refused('an id token of another pipeline', token({ pipeline_id: '1002' }), 'pipeline 1002'),
  refused('an id token of another commit', token({ sha: 'f'.repeat(40) }), `commit ${'f'.repeat(40)}`),
  refused(
    'an id token whose sub alone fits',
    token({ project_id: '43', sub: 'project_path:group/project-42' }),
    '43',
  ),
];
