import type { IdTokenClaims } from './claims';
import {
  issuerPrefix,
  requireOwnSession,
  requireSamePipeline,
  sessionIdOf,
  sessionKey,
} from './same-pipeline';

const claims: IdTokenClaims = {
  issuer: 'https://gitlab.example',
  projectId: '42',
  pipelineId: '1001',
  jobId: '7',
  sha: 'a'.repeat(40),
  issuedAtMs: 0,
  expiresAtMs: 1,
};
const refusal = (message: string) =>
  expect.objectContaining({
    code: 'DTE_ID_TOKEN_REFUSED',
    message: expect.stringContaining(message) as string,
  }) as Error;

describe('requireSamePipeline', () => {
  it('takes another job of the same pipeline', () => {
    expect(() => requireSamePipeline(claims, { ...claims, jobId: '8', expiresAtMs: 5 })).not.toThrow();
  });

  const others: [string, Partial<IdTokenClaims>][] = [
    ['the instance https://other.example', { issuer: 'https://other.example' }],
    ['project 43', { projectId: '43' }],
    ['pipeline 1002', { pipelineId: '1002' }],
    [`commit ${'b'.repeat(40)}`, { sha: 'b'.repeat(40) }],
  ];
  it.each(others)('refuses one of %s', (what, change) => {
    expect(() => requireSamePipeline(claims, { ...claims, ...change })).toThrow(refusal(what));
  });
});

describe('requireOwnSession', () => {
  it.each(['42-1001', '42-1001-linux', '42-1001-linux-2'])('lets a job into its session %s', (sessionId) => {
    expect(() => requireOwnSession(claims, sessionId, claims.sha)).not.toThrow();
  });

  it('lets a job in that has no git', () => {
    expect(() => requireOwnSession(claims, '42-1001', null)).not.toThrow();
  });

  it.each(['42-1002', '42-10011', '142-1001', '42-100', 'local', '43-1001-42-1001', 'i01234567.42-1001'])(
    'keeps a job out of the session %s',
    (sessionId) => {
      expect(() => requireOwnSession(claims, sessionId, claims.sha)).toThrow(refusal(`not ${sessionId}`));
    },
  );

  it('keeps a job out that has another commit checked out than its pipeline is of', () => {
    expect(() => requireOwnSession(claims, '42-1001', 'b'.repeat(40))).toThrow(refusal('b'.repeat(40)));
  });

  it('refuses a session whose key would be longer than a key may be', () => {
    const sessionId = (length: number): string => '42-1001-'.padEnd(length, 'x');
    expect(() => requireOwnSession(claims, sessionId(118), null)).not.toThrow();
    expect(sessionKey(claims.issuer, sessionId(118))).toHaveLength(128);
    expect(() => requireOwnSession(claims, sessionId(119), null)).toThrow(refusal('DTE_ENVIRONMENT'));
  });
});

describe('session keys', () => {
  it('differ between instances and give the session id back', () => {
    const here = sessionKey('https://gitlab.example', '42-1001');
    expect(here).toMatch(/^i[0-9a-f]{8}\.42-1001$/);
    expect(here.startsWith(issuerPrefix('https://gitlab.example'))).toBe(true);
    expect(sessionKey('https://gitlab.example:8443', '42-1001')).not.toBe(here);
    expect(sessionIdOf(here)).toBe('42-1001');
    expect(sessionIdOf('42-1001')).toBe('42-1001');
  });
});
