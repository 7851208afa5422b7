import { startFakeGitlab, waitFor, type FakeGitlab } from '@org/dte-testing';
import { readLimits } from '@org/dte-protocol';
import { readGitlabJob } from '../job';
import { embeddedLimits, watchJob } from './job-watch';

// A question that times out on a slow machine would count as unanswered.
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

  it('reports once that the job has ended, when its token is no longer valid', async () => {
    watch({ CI_API_V4_URL: gitlab.apiUrl, CI_JOB_TOKEN: gitlab.jobToken(7, 9001) });
    await waitFor('some questions', () => answers(200) >= 3);
    expect(ended).toBe(0);
    gitlab.endJob(9001);
    await waitFor('the end', () => ended > 0);
    expect([ended, answers(401)]).toEqual([1, 2]);
  });

  it('does not conclude from a single rejection, or when the instance fails or is not available', async () => {
    gitlab.failNext(401);
    gitlab.failNext(503);
    gitlab.failNext('reset');
    gitlab.failNext(401);
    watch({ CI_API_V4_URL: gitlab.apiUrl, CI_JOB_TOKEN: gitlab.jobToken(7, 9001) });
    await waitFor('some questions', () => answers(200) >= 2);
    expect(ended).toBe(0);
  });

  it('sends no request outside of GitLab jobs', () => {
    watch({ CI_API_V4_URL: gitlab.apiUrl });
    watch({ CI_JOB_TOKEN: 'x' });
    expect(gitlab.requests()).toEqual([]);
  });
});

describe('the limits of a coordinator that is part of a job', () => {
  const { limits } = readLimits({});
  const apiUrl = 'https://gitlab.example.com/api/v4';
  const GITLAB = readGitlabJob({ CI_API_V4_URL: apiUrl, CI_JOB_TOKEN: 'token' });

  it('let a session last as long as a job that is watched, whatever the job does between two nx commands', () => {
    const { sessionIdleMs } = embeddedLimits(limits, GITLAB);
    expect(sessionIdleMs).toBeGreaterThanOrEqual(24 * 3_600_000);
    expect(embeddedLimits({ ...limits, sessionIdleMs: 1 }, GITLAB).sessionIdleMs).toBe(sessionIdleMs);
  });

  it('are the general limits if nothing shows whether the job still runs', () => {
    expect(embeddedLimits(limits, readGitlabJob({ CI_API_V4_URL: apiUrl }))).toBe(limits);
  });
});
