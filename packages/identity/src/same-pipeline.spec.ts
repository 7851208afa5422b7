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
  originProjectId: '42',
  ref: 'main',
  refType: 'branch',
  refProtected: true,
  pipelineSource: 'push',
  issuedAtMs: 0,
  expiresAtMs: 1,
};
const refusal = (message: string) =>
  expect.objectContaining({
    code: 'DTE_ID_TOKEN_REFUSED',
    message: expect.stringContaining(message) as string,
  }) as Error;

describe('requireSamePipeline', () => {
  it('accepts another job of the same pipeline', () => {
    expect(() => requireSamePipeline(claims, { ...claims, jobId: '8', expiresAtMs: 5 })).not.toThrow();
  });

  const others: [string, Partial<IdTokenClaims>][] = [
    ['the instance https://other.example', { issuer: 'https://other.example' }],
    ['project 43', { projectId: '43' }],
    ['pipeline 1002', { pipelineId: '1002' }],
    [`commit ${'b'.repeat(40)}`, { sha: 'b'.repeat(40) }],
  ];
  it.each(others)('rejects a job of %s', (what, change) => {
    expect(() => requireSamePipeline(claims, { ...claims, ...change })).toThrow(refusal(what));
  });
});

describe('requireOwnSession', () => {
  it.each(['42-1001', '42-1001-linux', '42-1001-linux-2'])('accepts a job in its session %s', (sessionId) => {
    expect(() => requireOwnSession(claims, sessionId, claims.sha)).not.toThrow();
  });

  it('accepts a job that has no git', () => {
    expect(() => requireOwnSession(claims, '42-1001', null)).not.toThrow();
  });

  it.each(['42-1002', '42-10011', '142-1001', '42-100', 'local', '43-1001-42-1001', 'i01234567.42-1001'])(
    'rejects a job in the session %s',
    (sessionId) => {
      expect(() => requireOwnSession(claims, sessionId, claims.sha)).toThrow(refusal(`not ${sessionId}`));
    },
  );

  it('rejects a job that has a commit checked out that is not the commit of its pipeline', () => {
    expect(() => requireOwnSession(claims, '42-1001', 'b'.repeat(40))).toThrow(refusal('b'.repeat(40)));
  });

  it('rejects a session whose key would exceed the limit', () => {
    const sessionId = (length: number): string => '42-1001-'.padEnd(length, 'x');
    expect(() => requireOwnSession(claims, sessionId(118), null)).not.toThrow();
    expect(sessionKey(claims.issuer, sessionId(118))).toHaveLength(128);
    expect(() => requireOwnSession(claims, sessionId(119), null)).toThrow(refusal('DTE_ENVIRONMENT'));
  });
});

describe('session keys', () => {
  it('differ between instances and contain the session id', () => {
    const here = sessionKey('https://gitlab.example', '42-1001');
    expect(here).toMatch(/^i[0-9a-f]{8}\.42-1001$/);
    expect(here.startsWith(issuerPrefix('https://gitlab.example'))).toBe(true);
    expect(sessionKey('https://gitlab.example:8443', '42-1001')).not.toBe(here);
    expect(sessionIdOf(here)).toBe('42-1001');
    expect(sessionIdOf('42-1001')).toBe('42-1001');
  });
});
