import { type IdTokenClaims, readOwnIdToken } from '@org/dte-identity';
import { cacheAccessOf, TRUSTED } from './scope';

const unsigned = (payload: object): string => {
  const parts = [{ alg: 'none' }, payload].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${parts.join('.')}.`;
};

const MERGE_REQUEST = { pipeline_source: 'merge_request_event', ref: 'refs/merge-requests/1/head' };

/** As GitLab writes them: for a push to a protected branch, unless changed. Undefined: the token has no such claim. */
const claims = (change: Record<string, unknown> = {}): IdTokenClaims =>
  readOwnIdToken(
    unsigned({
      iss: 'https://gitlab.example.com',
      exp: 2_000_000_000,
      iat: 1_900_000_000,
      project_id: '42',
      pipeline_id: '4711',
      job_id: '90210',
      sha: 'a'.repeat(40),
      ref: 'main',
      ref_type: 'branch',
      ref_protected: 'true',
      pipeline_source: 'push',
      ...change,
    }),
  );
const writeOf = (change?: Record<string, unknown>): string => cacheAccessOf(claims(change)).write;

/** Names that a path, an address or a file system could take for another one. */
const HOSTILE = [
  'trusted',
  'TRUSTED',
  'Trusted',
  '../trusted',
  'refs/heads/a/../../trusted',
  'refs%2fheads%2ftrusted',
  'refs/heads/trusted',
  'own-00000000000000000000000000000000',
  'caf\u00e9',
  'cafe\u0301',
  '\ufb01x',
  'fix',
  'a\u0000b',
  'a',
  'a ',
  '"],["ref"',
  '\ud800',
  '\ufffd',
];

describe('cacheAccessOf', () => {
  const unprotected = { ref_protected: 'false' };
  const table: [what: string, change: Record<string, unknown>, isTrusted: boolean][] = [
    ['a push to a protected branch', {}, true],
    ['a protected tag', { ref: 'v1.0.0', ref_type: 'tag' }, true],
    ['a branch that is not protected', { ...unprotected, ref: 'feature' }, false],
    ['a tag that is not protected', { ...unprotected, ref: 'v1.0.0', ref_type: 'tag' }, false],
    ['a merge request', { ...unprotected, ...MERGE_REQUEST }, false],
    ['a merge request whose ref is called protected', MERGE_REQUEST, false],
    ['a merge request on the branch main', { ...MERGE_REQUEST, ref: 'main' }, false],
    ['an external pull request', { pipeline_source: 'external_pull_request_event' }, false],
    ['a fork that runs in the project', { project_id: '77', job_project_id: '42' }, false],
    ["a fork's merge request", { ...MERGE_REQUEST, project_id: '77', job_project_id: '42' }, false],
    ['a project that GitLab names twice', { job_project_id: '42' }, true],
    ...['schedule', 'web', 'api', 'trigger', 'parent_pipeline', 'pipeline', 'something_new'].flatMap(
      (source): [string, Record<string, unknown>, boolean][] => [
        [`${source} on a protected ref`, { pipeline_source: source }, true],
        [`${source} on another ref`, { ...unprotected, pipeline_source: source }, false],
      ],
    ),
    ['a token without a source', { pipeline_source: undefined }, false],
    ['a token without a protection', { ref_protected: undefined }, false],
    ['a protection that is no text', { ref_protected: true }, false],
    ['a protection in capitals', { ref_protected: 'TRUE' }, false],
    [
      'a token without any of these claims',
      { ref: undefined, ref_type: undefined, ref_protected: undefined, pipeline_source: undefined },
      false,
    ],
  ];

  it.each(table)('%s', (_, change, isTrusted) => {
    const { issuer, projectId, write, read } = cacheAccessOf(claims(change));
    expect([issuer, projectId]).toEqual(['https://gitlab.example.com', '42']);
    if (isTrusted) {
      expect([write, read]).toEqual([TRUSTED, [TRUSTED]]);
    } else {
      expect(write).toMatch(/^own-[0-9a-f]{32}$/);
      expect(read).toEqual([write, TRUSTED]);
    }
  });

  it('gives pipelines of one ref the same scope, whatever started them and whatever commit they have', () => {
    const branch = { ...unprotected, ref: 'feature' };
    const other = { ...branch, pipeline_id: '4712', job_id: '1', sha: 'b'.repeat(40) };
    expect(writeOf({ ...other, pipeline_source: 'schedule' })).toBe(writeOf(branch));
  });

  it('separates every two refs, also those with the same name', () => {
    const named = { ...unprotected, ref: 'same' };
    const fork = (id: string) => ({ ...MERGE_REQUEST, project_id: id, job_project_id: '42', ref: 'same' });
    const scopes = [
      named,
      { ...named, ref: 'Same' },
      { ...named, ref_type: 'tag' },
      { ...named, pipeline_source: 'merge_request_event' },
      fork('77'),
      fork('78'),
      MERGE_REQUEST,
      { ...MERGE_REQUEST, ref: 'refs/merge-requests/2/head' },
      { ...MERGE_REQUEST, ref: 'refs/merge-requests/11/head' },
      ...HOSTILE.map((ref) => ({ ...unprotected, ref })),
    ].map(writeOf);
    expect(new Set(scopes).size).toBe(scopes.length);
    for (const scope of scopes) expect(scope).toMatch(/^own-[0-9a-f]{32}$/);
  });

  it('shares with no other pipeline if the token does not name a ref', () => {
    const nameless = { ...unprotected, ref: undefined };
    expect(writeOf(nameless)).not.toBe(writeOf({ ...nameless, pipeline_id: '4712' }));
    expect(writeOf(nameless)).toBe(writeOf({ ...nameless, job_id: '1' }));
    expect(writeOf({ ...unprotected, ref_type: 'wrong' })).not.toBe(writeOf(unprotected));
  });
});
