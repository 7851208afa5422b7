import { readLimits, type RendezvousRecord } from '@org/dte-protocol';
import { type FakeGitlab, startFakeGitlab } from '@org/dte-testing';
import { readGitlabJob } from '../job';
import { registryAccessOf } from './access';
import { GitlabPackagesRendezvous } from './gitlab-packages-rendezvous';
import { PackageRegistry } from './registry';

const { limits } = readLimits({});
const SESSION = '7-1001';

describe('whose address of a coordinator a job with an id token believes', () => {
  const [MAIN, PROPOSED] = [1001, 1002];
  const timing = { now: () => 1_760_000_000_000, sleep: () => Promise.resolve() };
  const lines: string[] = [];
  let gitlab: FakeGitlab;
  beforeEach(async () => {
    lines.length = 0;
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }], now: timing.now });
    const pipeline = { projectId: 7, ref: 'main', sha: 'a'.repeat(40), status: 'running' } as const;
    for (const id of [MAIN, PROPOSED]) {
      gitlab.addPipeline({ ...pipeline, id });
      for (const job of [1, 2]) gitlab.addJob({ id: id * 10 + job, pipelineId: id, name: 'nx' });
    }
  });
  afterEach(() => gitlab.close());

  const jobOf = (pipelineId: number, n = 1): string => gitlab.jobToken(7, pipelineId * 10 + n);
  const registryFor = (token: string): PackageRegistry => {
    const env = { CI_API_V4_URL: gitlab.apiUrl, CI_PROJECT_ID: '7', CI_JOB_TOKEN: token };
    const access = registryAccessOf(readGitlabJob(env), []);
    if (access === null) throw new Error('unreachable: all variables are set');
    return new PackageRegistry(access, limits, timing);
  };
  const own = { id: String(MAIN), warn: (line: string) => lines.push(line) };
  const door = (token: string): GitlabPackagesRendezvous =>
    new GitlabPackagesRendezvous(registryFor(token), timing, own);
  const at = (url: string): RendezvousRecord => ({
    version: 1,
    sessionId: SESSION,
    url,
    generation: url,
    expiresAtMs: timing.now() + 60_000,
  });
  const put = (token: string, record: RendezvousRecord, status = 'default', header = 'job-token') =>
    fetch(
      `${gitlab.apiUrl}/projects/7/packages/generic/dte-rendezvous/0.0.${MAIN}/${SESSION}.json?status=${status}`,
      {
        method: 'PUT',
        headers: { [header]: token },
        body: `${JSON.stringify(record)}\n`,
      },
    );

  it("its own pipeline's, and not that of a merge request, before and after it, and says so once", async () => {
    const agent = door(jobOf(MAIN, 2));
    await put(jobOf(PROPOSED), at('http://evil:1'));
    expect([await agent.find(SESSION), await agent.find(SESSION)]).toEqual([null, null]);
    expect(lines).toEqual([
      `the address of a coordinator in ${SESSION}.json (package dte-rendezvous 0.0.${MAIN}) is ignored: GitLab does not say that a job of pipeline ${MAIN} has stored it`,
    ]);
    await door(jobOf(MAIN)).publish(at('http://main:1'));
    expect(await agent.find(SESSION)).toMatchObject({ url: 'http://main:1' });
    await put(jobOf(PROPOSED), at('http://evil:2'));
    expect(await agent.find(SESSION)).toBeNull();
    expect(lines).toHaveLength(2);
  });

  it('not one in a package that somebody has hidden', async () => {
    await put(jobOf(PROPOSED), at('http://evil:1'), 'hidden');
    expect(await door(jobOf(MAIN, 2)).find(SESSION)).toBeNull();
    expect(lines).toHaveLength(1);
  });

  it("its own pipeline's, whoever stores the same once more, and however many files there are", async () => {
    await door(jobOf(MAIN)).publish(at('http://main:1'));
    for (let n = 0; n < 100; n++) await put(jobOf(PROPOSED), at(`http://evil:${n + 1}`));
    await put(jobOf(PROPOSED), at('http://main:1'));
    const agent = door(jobOf(MAIN, 2));
    expect(await agent.find(SESSION)).toMatchObject({ url: 'http://main:1' });
    const asked = gitlab.requests().length;
    await agent.find(SESSION);
    // What it has proven once, it does not ask again.
    expect(gitlab.requests().length - asked).toBe(1);
  });

  it('that of a file which is replaced while it is read, if it is of its own pipeline', async () => {
    await door(jobOf(MAIN)).publish(at('http://main:1'));
    const registry = registryFor(jobOf(MAIN, 2));
    const download = registry.download.bind(registry);
    let reads = 0;
    registry.download = async (...args) => {
      reads += 1;
      const text = await download(...args);
      return reads === 1 ? (text?.replace('main:1', 'main:0') ?? null) : text;
    };
    const found = await new GitlabPackagesRendezvous(registry, timing, own).find(SESSION);
    expect([found?.url, reads, lines]).toEqual(['http://main:1', 2, []]);
  });

  it('not that of a person, where GitLab says of other packages or files which pipeline they are of', async () => {
    const person = gitlab.accessToken(7);
    const agent = door(jobOf(MAIN, 2));
    await put(person, at('http://evil:1'), 'default', 'private-token');
    // Nothing tells it from a GitLab that says nothing: see docs/explanation/security.md.
    expect(await door(jobOf(MAIN, 2)).find(SESSION)).toMatchObject({ url: 'http://evil:1' });
    await fetch(`${gitlab.apiUrl}/projects/7/packages/generic/dte-rendezvous/0.0.1000/7-1000.json`, {
      method: 'PUT',
      headers: { 'job-token': jobOf(PROPOSED) },
      body: '{}',
    });
    expect(await agent.find(SESSION)).toBeNull();
    await door(jobOf(MAIN)).publish(at('http://main:1'));
    await put(person, at('http://evil:2'), 'default', 'private-token');
    expect(await agent.find(SESSION)).toBeNull();
    expect(lines).toHaveLength(2);
  });

  it('what GitLab says nothing of, as before', async () => {
    await put(gitlab.jobToken(7, 5), at('http://unknown:1'));
    expect(await door(jobOf(MAIN, 2)).find(SESSION)).toMatchObject({ url: 'http://unknown:1' });
  });

  it('whoever has stored it, without an id token', async () => {
    await put(jobOf(PROPOSED), at('http://other:1'));
    const seeker = new GitlabPackagesRendezvous(registryFor(jobOf(MAIN, 2)), timing);
    expect(await seeker.find(SESSION)).toMatchObject({ url: 'http://other:1' });
  });
});
