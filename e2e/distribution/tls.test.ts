import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { AFFECTED, Pipeline, startFakeGitlab, type Fleet } from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { machinesOf, ranOn } from '../support/log';
import { AFFECTED_OUTPUTS, AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';

const hasNetwork = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal));

/** Nx's own HTTP client downloads and uploads the artifacts here, and does not support pinned keys. */
(hasNetwork ? describe : describe.skip)('a coordinator that is reached over the network', () => {
  let fleet: Fleet;
  beforeEach(() => {
    fleet = sampleFleet();
  });
  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  async function expectDistributed(pipeline: Pipeline): Promise<void> {
    expect((await pipeline.startCiRun()).output).toMatch(/coordinator https:\/\/(?!127\.)/);
    for (const name of ['agent-1', 'agent-2']) pipeline.startAgent(name);
    const exit = await pipeline.nx(AFFECTED);
    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(AFFECTED_TASKS);
    expect(machinesOf(fleet.journal())).not.toContain('main');
    for (const path of AFFECTED_OUTPUTS) expect(pipeline.main.exists(path)).toBe(true);
    expect((await pipeline.complete()).map(({ code }) => code)).toEqual([0, 0]);
  }

  it('is used over TLS by every job that knows the secret', async () => {
    const env = { DTE_HOST: '0.0.0.0', DTE_SECRET: randomBytes(16).toString('hex') };
    await expectDistributed(new Pipeline(fleet, fleet.machine('main'), env));
  });

  it('is found through the package registry of a GitLab, and every job presents its id token', async () => {
    const gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    try {
      const main = fleet.machine('main');
      const sha = (await main.run('git', ['rev-parse', 'HEAD'])).stdout.trim();
      const claims = { project_id: '7', pipeline_id: '1001', sha };
      const env = {
        CI: 'true',
        CI_SERVER_URL: gitlab.url,
        CI_API_V4_URL: gitlab.apiUrl,
        CI_PROJECT_ID: '7',
        CI_PIPELINE_ID: '1001',
        CI_JOB_ID: '50',
        CI_JOB_TOKEN: gitlab.jobToken(7, 50),
        DTE_RENDEZVOUS: 'gitlab-packages',
        DTE_RENDEZVOUS_DIR: '',
        DTE_SESSION_ID: '',
        DTE_ID_TOKEN: gitlab.idToken({ ...claims, job_id: '50' }),
      };
      const pipeline = new Pipeline(fleet, main, env);
      const startAgent = pipeline.startAgent.bind(pipeline);
      // Each job has its own number and token.
      pipeline.startAgent = (name, options, machine) => {
        const job_id = name.replace('agent-', '10');
        const own = { CI_JOB_ID: job_id, DTE_ID_TOKEN: gitlab.idToken({ ...claims, job_id }) };
        return startAgent(name, { ...options, env: { ...options?.env, ...own } }, machine);
      };
      await expectDistributed(pipeline);
      expect(JSON.stringify(gitlab.packages())).not.toContain('eyJ');
    } finally {
      await gitlab.close();
    }
  });
});
