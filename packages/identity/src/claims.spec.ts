import { UnsecuredJWT } from 'jose';
import { readOwnIdToken, refused } from './claims';

const payload = {
  iss: 'https://gitlab.example.com',
  exp: 2_000_000_000,
  iat: 1_900_000_000,
  project_id: '7',
  pipeline_id: '70',
  job_id: '700',
  sha: 'a'.repeat(40),
};
const tokenOf = (claims: object): string => new UnsecuredJWT({ ...claims }).encode();

describe('readOwnIdToken', () => {
  it('names the project that a job runs in, which for a merge request from a fork is not that of the commit', () => {
    expect(readOwnIdToken(tokenOf(payload)).projectId).toBe('7');
    expect(readOwnIdToken(tokenOf({ ...payload, job_project_id: '8' })).projectId).toBe('8');
  });

  it('takes from the claims about the ref only what GitLab writes, and refuses no job because of them', () => {
    const usual = { ref: 'main', ref_type: 'branch', ref_protected: 'true', pipeline_source: 'push' };
    const read = (change: object): unknown => {
      const { ref, refType, refProtected, pipelineSource } = readOwnIdToken(
        tokenOf({ ...payload, ...change }),
      );
      return { ref, refType, refProtected, pipelineSource };
    };
    const known = { ref: 'main', refType: 'branch', refProtected: true, pipelineSource: 'push' };
    expect(read(usual)).toEqual(known);
    const nothing = { ref: null, refType: null, refProtected: false, pipelineSource: null };
    expect(read({})).toEqual(nothing);
    const odd: [string, unknown[], object][] = [
      ['ref', [1, '', null, ['main'], 'r'.repeat(2_000)], { ref: null }],
      ['ref_type', [1, '', null, 'BRANCH', 'workspace', {}], { refType: null }],
      ['ref_protected', [true, 1, null, '', 'false', 'TRUE', ' true', ['true']], { refProtected: false }],
      ['pipeline_source', [1, '', null, ['push'], 's'.repeat(100)], { pipelineSource: null }],
    ];
    for (const [claim, values, change] of odd)
      for (const value of values)
        expect([claim, value, read({ ...usual, [claim]: value })]).toEqual([
          claim,
          value,
          { ...known, ...change },
        ]);
  });

  it('names the missing claim', () => {
    expect(() => readOwnIdToken(tokenOf({ ...payload, pipeline_id: undefined }))).toThrow(/pipeline_id/);
  });
});

it('what is said of a token that nobody has verified is one bounded line that a terminal can be given', () => {
  expect(refused('is signed with "\u202e\u001b[2J\u0000x"').message).toBe(
    'The id token is signed with " [2J x".',
  );
  expect(refused('y'.repeat(100_000)).message.length).toBeLessThan(2_100);
});
