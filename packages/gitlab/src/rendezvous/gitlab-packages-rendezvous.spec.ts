import { DteError, LIMITS, readLimits, type RendezvousRecord } from '@org/dte-protocol';
import { rendezvousContract, startFakeGitlab, type FakeGitlab, type FakeProject } from '@org/dte-testing';
import { readGitlabJob } from '../job';
import { registryAccessOf } from './access';
import { GitlabPackagesRendezvous } from './gitlab-packages-rendezvous';
import { versionOf } from './names';
import type { Timing } from './patient-client';
import { PackageRegistry } from './registry';

const { limits } = readLimits({});
const SESSION = '7-1001';

/** A clock that sleeping advances, so that no spec waits. */
class Clock implements Timing {
  readonly slept: number[] = [];
  onSleep: () => void = () => undefined;
  constructor(private ms: number) {}
  now(): number {
    return this.ms;
  }
  sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.onSleep();
    this.advance(ms);
    return Promise.resolve();
  }
  advance(ms: number): void {
    this.ms += ms;
  }
}

const doorTo = (
  gitlab: FakeGitlab,
  token: string,
  clock: Clock,
  limitsOfDoor = limits,
): GitlabPackagesRendezvous => {
  const env = { CI_API_V4_URL: gitlab.apiUrl, CI_PROJECT_ID: '7', CI_JOB_TOKEN: token };
  const access = registryAccessOf(readGitlabJob(env), []);
  if (access === null) throw new Error('unreachable: all variables are set');
  return new GitlabPackagesRendezvous(new PackageRegistry(access, limitsOfDoor, clock), clock);
};

for (const [name, project] of [
  ['gitlab-packages', {}],
  ['gitlab-packages, downloads from object storage', { downloads: 'redirected' }],
] as const) {
  rendezvousContract(name, async () => {
    const clock = new Clock(1_760_000_000_000);
    const gitlab = await startFakeGitlab({ projects: [{ id: 7, ...project }], now: () => clock.now() });
    return {
      publisher: doorTo(gitlab, gitlab.jobToken(7, 9001), clock),
      seeker: doorTo(gitlab, gitlab.jobToken(7, 9002), clock),
      advance: (ms) => clock.advance(ms),
      nowMs: () => clock.now(),
      cleanUp: () => gitlab.close(),
    };
  });
}

describe('GitlabPackagesRendezvous', () => {
  let gitlab: FakeGitlab;
  let clock: Clock;
  let rendezvous: GitlabPackagesRendezvous;

  const start = async (project: Partial<FakeProject> = {}): Promise<void> => {
    clock = new Clock(1_760_000_000_000);
    gitlab = await startFakeGitlab({ projects: [{ id: 7, ...project }, { id: 8 }], now: () => clock.now() });
    rendezvous = doorTo(gitlab, gitlab.jobToken(7, 9001), clock);
  };
  const record = (fields: Partial<RendezvousRecord> = {}): RendezvousRecord => ({
    version: 1,
    sessionId: SESSION,
    url: 'http://10.0.0.7:41233',
    generation: 'first',
    expiresAtMs: clock.now() + 60_000,
    ...fields,
  });
  const errorOf = async (work: Promise<unknown>): Promise<DteError> => {
    const thrown: unknown = await work.then(
      () => new Error('it did not fail'),
      (error: unknown) => error,
    );
    if (thrown instanceof DteError) return thrown;
    throw thrown;
  };
  const statuses = (): number[] => gitlab.requests().map(({ status }) => status);

  afterEach(() => gitlab.close());

  it('keeps one file per session in a package per pipeline, and sends the token only to GitLab', async () => {
    await start({ downloads: 'redirected' });
    await rendezvous.publish(record());
    await rendezvous.publish(record({ sessionId: `${SESSION}-windows` }));
    await rendezvous.find(SESSION);
    const [stored, ...others] = gitlab.packages();
    expect(stored).toMatchObject({ name: 'dte-rendezvous', version: '0.0.1001' });
    expect(stored?.files.map(({ name }) => name)).toEqual(['7-1001.json', '7-1001-windows.json']);
    expect(others).toEqual([]);
    const shown = gitlab.requests().filter(({ headers }) => headers['job-token'] !== undefined);
    expect(shown.every(({ target }) => target.startsWith('/api/v4/projects/7/packages'))).toBe(true);
    expect(gitlab.requests()).toHaveLength(4);
  });

  it.each([429, 500, 502, 503])('retries after status %d', async (status) => {
    await start();
    const published = record();
    gitlab.failNext(status, { times: 2 });
    await rendezvous.publish(published);
    expect(statuses()).toEqual([status, status, 201]);
    gitlab.failNext(status);
    expect(await rendezvous.find(SESSION)).toEqual(published);
  });

  it.each(['reset', 'hang'] as const)('retries a request without an answer (%s)', async (failure) => {
    await start();
    gitlab.failNext(failure);
    // Only the request that hangs has a short timeout, so that a slow machine has time for the next one.
    const changing = { ...limits, rendezvousRequestMs: 2_000 };
    const door = doorTo(gitlab, gitlab.jobToken(7, 9001), clock, changing);
    clock.onSleep = () => (changing.rendezvousRequestMs = limits.rendezvousRequestMs);
    await door.publish(record());
    expect(statuses()).toEqual([0, 201]);
  });

  it('waits for as long as a busy registry requests, in seconds or by a date', async () => {
    await start();
    gitlab.failNext(429, { headers: { 'retry-after': '7' } });
    const date = new Date(clock.now() + 7_000 + 9_000).toUTCString();
    gitlab.failNext(429, { headers: { 'retry-after': date } });
    await rendezvous.publish(record());
    expect(clock.slept[0]).toBe(7_000);
    expect(Math.round((clock.slept[1] ?? 0) / 1000)).toBe(9);
  });

  it('fails at once when it would have to wait for longer than the limit', async () => {
    await start();
    gitlab.failNext(429, { headers: { 'retry-after': '60' } });
    const error = await errorOf(rendezvous.find(SESSION));
    expect([error.code, error.severity]).toEqual(['DTE_RENDEZVOUS_UNAVAILABLE', 'retry']);
    expect(error.message).toContain('429: Retry later, and asks to wait 60 s');
    expect(clock.slept).toEqual([]);
  });

  it('fails after the time limit, regardless of the number of tries', async () => {
    await start();
    gitlab.failNext(503, { times: 1_000 });
    const beganMs = clock.now();
    expect((await errorOf(rendezvous.publish(record()))).code).toBe('DTE_RENDEZVOUS_UNAVAILABLE');
    expect(clock.now() - beganMs).toBeLessThanOrEqual(limits.rendezvousRetryMs);
    expect(statuses().length).toBeGreaterThan(4);
    expect(statuses().length).toBeLessThan(40);
  });

  it.each([
    ['the role is too low', () => gitlab.jobToken(7, 1, 'reporter'), '403 Forbidden'],
    ['the token is that of another project', () => gitlab.jobToken(8, 1), '404 Project Not Found'],
    ['the token is none', () => 'wrong', '401 Unauthorized'],
  ])('fails without a retry when %s', async (_, token, answer) => {
    await start();
    const error = await errorOf(doorTo(gitlab, token(), clock).publish(record()));
    expect([error.code, error.severity]).toEqual(['DTE_RENDEZVOUS_REFUSED', 'fatal']);
    expect(error.message).toContain(answer);
    expect(gitlab.requests()).toHaveLength(1);
  });

  it('fails when its job has ended, and the error contains no token', async () => {
    await start();
    const token = gitlab.jobToken(7, 77);
    gitlab.endJob(77);
    const error = await errorOf(doorTo(gitlab, token, clock).find(SESSION));
    expect(error.code).toBe('DTE_RENDEZVOUS_REFUSED');
    expect(error.explain()).not.toContain(token);
  });

  it('fails if the project has no package registry', async () => {
    await start({ packages: 'disabled' });
    expect((await errorOf(rendezvous.publish(record()))).code).toBe('DTE_RENDEZVOUS_REFUSED');
  });

  it('replaces its record if duplicates are rejected and it may delete', async () => {
    await start({ duplicates: 'rejected' });
    const maintainer = doorTo(gitlab, gitlab.jobToken(7, 1, 'maintainer'), clock);
    await maintainer.publish(record());
    await maintainer.publish(record({ generation: 'second' }));
    expect(await rendezvous.find(SESSION)).toMatchObject({ generation: 'second' });
    expect(gitlab.packages()[0]?.files).toHaveLength(1);
  });

  it('keeps the first report of an agent if duplicates are rejected', async () => {
    await start({ duplicates: 'rejected' });
    await rendezvous.publish(record());
    const report = { version: 1, name: 'a', jobUrl: null, message: 'm', atMs: 1 } as const;
    await rendezvous.report(SESSION, 'first', report);
    await rendezvous.report(SESSION, 'first', { ...report, atMs: 2 });
    expect(await rendezvous.reports(SESSION, 'first')).toEqual([report]);
  });

  it('names the setting when duplicates are rejected and the job may not delete', async () => {
    await start({ duplicates: 'rejected' });
    await rendezvous.publish(record());
    const error = await errorOf(rendezvous.publish(record({ generation: 'second' })));
    expect(error.code).toBe('DTE_RENDEZVOUS_REFUSED');
    expect(error.message).toMatch(/exception for dte-rendezvous \(Settings > Packages and registries/);
  });

  it.each(['{', '[]', '{"version":1,"sessionId":"8-1"}'])(
    'rejects a file that is not a record: %s',
    async (text) => {
      await start();
      await fetch(`${gitlab.apiUrl}/projects/7/packages/generic/dte-rendezvous/0.0.1001/${SESSION}.json`, {
        method: 'PUT',
        body: text,
        headers: { 'job-token': gitlab.jobToken(7, 1) },
      });
      expect((await errorOf(rendezvous.find(SESSION))).code).toBe('DTE_BAD_CONFIG');
      await expect(rendezvous.withdraw(SESSION, 'first')).resolves.toBeUndefined();
    },
  );

  it.each(['../a', 'a/b', ''])('rejects a session id that could be another path: %j', async (id) => {
    await start();
    expect((await errorOf(rendezvous.find(id))).code).toBe('DTE_INVALID_ID');
    expect(gitlab.requests()).toEqual([]);
  });

  it('downloads each report once', async () => {
    await start();
    await rendezvous.publish(record());
    const report = { version: 1, name: 'a', jobUrl: null, message: 'm', atMs: 1 } as const;
    await rendezvous.report(SESSION, 'first', report);
    for (let turn = 0; turn < 3; turn++) expect(await rendezvous.reports(SESSION, 'first')).toEqual([report]);
    const downloads = gitlab
      .requests()
      .filter(({ method, target }) => method === 'GET' && target.includes('.report.'));
    expect(downloads).toHaveLength(1);
  });

  describe('tidies up', () => {
    const publishOld = async (): Promise<void> => {
      await start();
      for (const pipeline of [1, 2, 3]) await rendezvous.publish(record({ sessionId: `7-${pipeline}` }));
      clock.advance(LIMITS.rendezvousKeepMs.value + 1);
      await rendezvous.publish(record({ sessionId: '7-4' }));
    };
    const versions = (): string[] => gitlab.packages().map(({ version }) => version);

    it('the packages of old pipelines, for a maintainer', async () => {
      await publishOld();
      await doorTo(gitlab, gitlab.jobToken(7, 1, 'maintainer'), clock).tidy();
      expect(versions()).toEqual(['0.0.4']);
    });

    it('nothing for a role that may not delete, and does not retry', async () => {
      await publishOld();
      await rendezvous.tidy();
      expect(versions()).toEqual(['0.0.1', '0.0.2', '0.0.3', '0.0.4']);
      expect(gitlab.requests().filter(({ method }) => method === 'DELETE')).toHaveLength(1);
    });

    it('nothing, and prints nothing, when the registry is not available', async () => {
      await publishOld();
      gitlab.failNext(500);
      await expect(rendezvous.tidy()).resolves.toBeUndefined();
    });
  });
});

describe('versionOf', () => {
  it.each([
    ['7-1001', '0.0.1001'],
    ['7-1001-windows', '0.0.1001'],
    ['local', '0.0.0'],
    ['7-1001x', '0.0.0'],
  ])('%s -> %s', (sessionId, version) => expect(versionOf(sessionId)).toBe(version));
});

describe('registryAccessOf', () => {
  it.each(['CI_API_V4_URL', 'CI_PROJECT_ID', 'CI_JOB_TOKEN'])('is null without %s', (missing) => {
    const env = { CI_API_V4_URL: 'https://g/api/v4', CI_PROJECT_ID: '7', CI_JOB_TOKEN: 't', [missing]: '' };
    expect(registryAccessOf(readGitlabJob(env), [])).toBeNull();
  });
});
