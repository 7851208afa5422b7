import { startFakeGitlab, waitFor, type FakeGitlab } from '@org/dte-testing';
import { readLimits } from '@org/dte-protocol';
import { readGitlabJob } from '../job';
import { embeddedLimits, watchJob } from './job-watch';

// A question that times out on a slow machine would count as one that nobody answered.
const limits = { jobCheckMs: 20, rendezvousRequestMs: 60_000, rendezvousAnswerBytes: 10_000 };

describe('watchJob', () => {
  let gitlab: FakeGitlab;
  let stop: () => void;
  let ended: number;

  const watch = (env: Record<string, string>): void => {
    stop = watchJob({ job: readGitlabJob(env), authorities: [], limits, onEnded: () => (ended += 1) });
  };
  const answers = (status: number): number =>
    gitlab.requests().filter((request) => request.status === status).length;

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    ended = 0;
  });
  afterEach(async () => {
    stop();
    await gitlab.close();
  });

  it('says once that the job has ended, when its token is worth nothing any more', async () => {
    watch({ CI_API_V4_URL: gitlab.apiUrl, CI_JOB_TOKEN: gitlab.jobToken(7, 9001) });
    await waitFor('some questions', () => answers(200) >= 3);
    expect(ended).toBe(0);
    gitlab.endJob(9001);
    await waitFor('the end', () => ended > 0);
    expect([ended, answers(401)]).toEqual([1, 2]);
  });

  it('believes neither a single refusal nor an instance that is broken or away', async () => {
    gitlab.failNext(401);
    gitlab.failNext(503);
    gitlab.failNext('reset');
    gitlab.failNext(401);
    watch({ CI_API_V4_URL: gitlab.apiUrl, CI_JOB_TOKEN: gitlab.jobToken(7, 9001) });
    await waitFor('some questions', () => answers(200) >= 2);
    expect(ended).toBe(0);
  });

  it('asks nobody outside of GitLab jobs', () => {
    watch({ CI_API_V4_URL: gitlab.apiUrl });
    watch({ CI_JOB_TOKEN: 'x' });
    expect(gitlab.requests()).toEqual([]);
  });
});

describe('the limits of a coordinator that is part of a job', () => {
  const { limits } = readLimits({});
  const apiUrl = 'https://gitlab.example.com/api/v4';
  const GITLAB = readGitlabJob({ CI_API_V4_URL: apiUrl, CI_JOB_TOKEN: 'token' });

  it('let a session last as long as a job that is watched, whatever it does between two nx commands', () => {
    const { sessionIdleMs } = embeddedLimits(limits, GITLAB);
    expect(sessionIdleMs).toBeGreaterThanOrEqual(24 * 3_600_000);
    expect(embeddedLimits({ ...limits, sessionIdleMs: 1 }, GITLAB).sessionIdleMs).toBe(sessionIdleMs);
  });

  it('are those of everybody where nothing tells whether the job lives', () => {
    expect(embeddedLimits(limits, readGitlabJob({ CI_API_V4_URL: apiUrl }))).toBe(limits);
  });
});
