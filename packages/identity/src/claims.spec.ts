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
