import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { rendezvousRecordSchema, type RendezvousRecord } from '@org/dte-protocol';
import { isRunning, startFakeGitlab, waitFor, type FakeGitlab, type RunningProcess } from '@org/dte-testing';
import { CliWorld } from './cli-world';

// Every command is a separate process, on two cores that the other tests also use.
jest.setTimeout(180_000);

const SHA = 'a'.repeat(40);
/** Polling intervals. Timeouts are as in production: no test may depend on the speed of the machine. */
const QUICK = {
  DTE_RENDEZVOUS_POLL_MS: '300',
  DTE_EMBEDDED_LINGER_MS: '300',
  DTE_JOB_CHECK_MS: '300',
};

describe('jobs of a GitLab pipeline that share only the package registry', () => {
  let gitlab: FakeGitlab;
  let worlds: CliWorld[];
  let nextJobId: number;
  let main: CliWorld;

  /** A job on its own machine, with the variables that GitLab sets. */
  const job = (name: string, env: Record<string, string> = {}): CliWorld => {
    const world = new CliWorld();
    worlds.push(world);
    world.useRealNx();
    enter(world, name, env);
    return world;
  };
  /** The same machine in another job, as with shell executors. */
  const enter = (world: CliWorld, name: string, env: Record<string, string> = {}): void => {
    const jobId = String(nextJobId++);
    const claims = { project_id: '7', pipeline_id: '1001', job_id: jobId, sha: SHA };
    gitlab.addJob({ id: Number(jobId), pipelineId: 1001, name, status: 'running' });
    world.env = {
      NO_COLOR: '1',
      CI: 'true',
      DTE_RENDEZVOUS: 'gitlab-packages',
      CI_SERVER_URL: gitlab.url,
      CI_API_V4_URL: gitlab.apiUrl,
      CI_PROJECT_ID: '7',
      CI_PIPELINE_ID: '1001',
      CI_JOB_ID: jobId,
      CI_JOB_NAME: name,
      CI_JOB_TOKEN: gitlab.jobToken(7, jobId),
      DTE_ID_TOKEN: gitlab.idToken(claims),
      ...QUICK,
      ...env,
    };
  };
  const record = (sessionId = '7-1001'): RendezvousRecord => {
    const files = gitlab.packages().flatMap((each) => each.files);
    const newest = files.filter(({ name }) => name === `${sessionId}.json`).at(-1);
    return rendezvousRecordSchema.parse(JSON.parse(newest?.content ?? 'null'));
  };
  const startAgent = (name = 'nx-agent 1/3', env: Record<string, string> = {}): RunningProcess =>
    job(name, env).start(['start-agent', '--slots', '1']);
  const connected = async (agent: RunningProcess): Promise<void> => {
    await agent.waitForOutput('is connected to');
  };

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    for (const [id, ref] of [
      [1001, 'main'],
      [1002, 'refs/merge-requests/7/head'],
    ] as const)
      gitlab.addPipeline({ id, projectId: 7, ref, sha: SHA, status: 'running' });
    worlds = [];
    nextJobId = 9001;
    main = job('nx');
  });
  afterEach(async () => {
    for (const world of worlds) await world.close();
    await gitlab.close();
  });

  it('an early agent waits, works with the main job, and leaves with it', async () => {
    const agent = startAgent();
    await waitFor('its first question', () => gitlab.requests().length > 0);
    expect((await main.run(['start-ci-run'])).code).toBe(0);
    await connected(agent);
    expect(record()).toMatchObject({ url: expect.stringMatching(/^https:/) as string, jobId: '9001' });
    expect((await main.run(['complete-ci-run'])).code).toBe(0);
    expect((await agent.end()).code).toBe(0);
  });

  it('main job and agents show nothing to a coordinator that a merge request has announced for them', async () => {
    let visits = 0;
    const rogue = createServer((socket) => {
      visits += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(rogue, 'listening');
    const url = `https://127.0.0.1:${(rogue.address() as AddressInfo).port}`;
    gitlab.addJob({ id: 8001, pipelineId: 1002, name: 'nx' });
    const announced: RendezvousRecord = {
      version: 1,
      sessionId: '7-1001',
      url,
      generation: 'rogue',
      expiresAtMs: Date.now() + 600_000,
    };
    const answer = await fetch(
      `${gitlab.apiUrl}/projects/7/packages/generic/dte-rendezvous/0.0.1001/7-1001.json`,
      {
        method: 'PUT',
        headers: { 'job-token': gitlab.jobToken(7, 8001) },
        body: JSON.stringify(announced),
      },
    );
    expect(answer.status).toBe(201);
    const agent = startAgent();
    await agent.waitForOutput('is ignored: GitLab does not say that a job of pipeline 1001 has stored it');
    expect((await main.run(['start-ci-run'])).code).toBe(0);
    await connected(agent);
    expect((await main.run(['complete-ci-run'])).code).toBe(0);
    expect((await agent.end()).code).toBe(0);
    expect(visits).toBe(0);
    rogue.close();
  });

  it('a late or retried agent exits immediately with code 0 and one line', async () => {
    await main.run(['start-ci-run']);
    await main.run(['complete-ci-run']);
    await waitFor('the end of the session to be known', () => record().state === 'finished');
    const { code, output } = await startAgent().end();
    expect([code, output]).toEqual([0, 'dte: session 7-1001 is finished; nothing to do\n']);
  });

  it('a retried main job starts its own session although the old coordinator still answers', async () => {
    await main.run(['start-ci-run']);
    const first = record();
    const agent = startAgent();
    await connected(agent);
    enter(main, 'nx');
    expect((await main.run(['start-ci-run'])).code).toBe(0);
    expect(record().jobId).not.toBe(first.jobId);
    expect(record().generation).not.toBe(first.generation);
    expect(main.coordinatorPids()).toHaveLength(2);

    gitlab.endJob(first.jobId ?? '');
    await waitFor('the agent to find the new coordinator', async () => {
      const { stdout } = await main.run(['status', '--json']);
      return stdout.includes('"connected": true');
    });
    await main.run(['complete-ci-run']);
    expect((await agent.end()).code).toBe(0);
  });

  it('the agents leave within the grace period if the main job is cancelled', async () => {
    await main.run(['start-ci-run']);
    const agent = startAgent();
    await connected(agent);
    const pid = main.coordinatorPid();
    gitlab.endJob(record().jobId ?? '');
    await waitFor('the coordinator to end with its job', () => !isRunning(pid));
    const { code, output } = await agent.end();
    expect(code).toBe(0);
    expect(output).toMatch(/its main job has ended or was stopped; leaving\n$/);
  });

  it('complete-ci-run releases agents whose coordinator was killed, early and late ones', async () => {
    await main.run(['start-ci-run']);
    const early = startAgent('early', { DTE_COORDINATOR_GRACE_MS: '60000' });
    await connected(early);
    process.kill(main.coordinatorPid(), 'SIGKILL');
    const { code, stdout } = await main.run(['complete-ci-run'], { DTE_COORDINATOR_GRACE_MS: '2000' });
    expect(code).toBe(0);
    expect(stdout).toContain('its coordinator has already stopped');
    expect((await early.end()).code).toBe(0);
    expect((await startAgent('late').end()).code).toBe(0);
  });

  it('a late agent does not wait for a killed coordinator, prints why, and tells the main job', async () => {
    await main.run(['start-ci-run']);
    process.kill(main.coordinatorPid(), 'SIGKILL');
    const { code, output } = await startAgent('late', { DTE_UNREACHABLE_MS: '1500' }).end();
    expect(code).toBe(1);
    expect(output.match(/DTE_UNREACHABLE /g)).toHaveLength(1);
    expect(output).toMatch(/dte coordinator.*DTE_COORDINATOR_URL.*docs\/[\w/-]+\.md/);
    const names = gitlab.packages().flatMap(({ files }) => files.map(({ name }) => name));
    expect(names).toContainEqual(expect.stringMatching(/^7-1001\.report\./));
  });

  it('DTE_ENVIRONMENT separates two main jobs of one pipeline', async () => {
    const environments = ['linux', 'windows'];
    const mains = environments.map((DTE_ENVIRONMENT) => job(`nx ${DTE_ENVIRONMENT}`, { DTE_ENVIRONMENT }));
    for (const each of mains) expect((await each.run(['start-ci-run'])).code).toBe(0);
    const agents = environments.map((DTE_ENVIRONMENT) => startAgent(DTE_ENVIRONMENT, { DTE_ENVIRONMENT }));
    for (const agent of agents) await connected(agent);
    expect(record('7-1001-linux').url).not.toBe(record('7-1001-windows').url);

    await mains[0]?.run(['complete-ci-run']);
    expect((await agents[0]?.end())?.code).toBe(0);
    expect(agents[1]?.running).toBe(true);
    await mains[1]?.run(['complete-ci-run']);
    expect((await agents[1]?.end())?.code).toBe(0);
  });

  it('start-ci-run waits for a busy registry', async () => {
    gitlab.failNext(429, { path: '/packages/generic', times: 3 });
    expect((await main.run(['start-ci-run'])).code).toBe(0);
    expect(record().jobId).toBe('9001');
  });

  it('a main job that the registry rejects continues alone and prints the fix', async () => {
    main.env['CI_JOB_TOKEN'] = gitlab.jobToken(7, 1, 'none');
    const { code, output } = await main.run(['start-ci-run']);
    expect(code).toBe(0);
    expect(output).toMatch(/DTE_RENDEZVOUS_REFUSED/);
    expect(output).toMatch(/the nx commands of this job run undistributed\n$/);
  });

  it('publishes no secret in packages', async () => {
    await main.run(['start-ci-run']);
    const stored = JSON.stringify(gitlab.packages());
    for (const secret of ['CI_JOB_TOKEN', 'DTE_ID_TOKEN']) expect(stored).not.toContain(main.env[secret]);
  });

  describe('with a standalone coordinator', () => {
    let service: RunningProcess;
    let address: string;
    const atService = (name: string): CliWorld => job(name, { DTE_COORDINATOR_URL: address });
    const state = async (world: CliWorld): Promise<unknown> =>
      (JSON.parse((await world.run(['status', '--json'])).stdout) as { state: unknown }).state;

    const startService = async (env: Record<string, string> = {}): Promise<void> => {
      const server = new CliWorld();
      worlds.push(server);
      service = server.start(['coordinator', '--port', '0', '--issuers', gitlab.url], env);
      await service.waitForOutput(/coordinator on http:.*\n/);
      address = /coordinator on (\S+)/.exec(service.output())?.[1] ?? '';
    };
    afterEach(async () => {
      service.signal('SIGTERM');
      expect((await service.end()).code).toBe(0);
    });

    it('a retried main job reopens its finished session, and late agents leave until then', async () => {
      await startService();
      const first = atService('nx');
      await first.run(['start-ci-run']);
      await first.run(['complete-ci-run']);
      expect(await state(first)).toBe('finished');
      const late = await atService('late').start(['start-agent', '--slots', '1']).end();
      expect([late.code, late.output]).toEqual([0, expect.stringMatching(/^dte: .*finished.*\n$/)]);

      const again = atService('nx');
      expect((await again.run(['start-ci-run'])).code).toBe(0);
      expect(await state(again)).toBe('open');
      const agent = atService('nx-agent').start(['start-agent', '--slots', '1']);
      await connected(agent);
      await again.run(['complete-ci-run']);
      expect((await agent.end()).code).toBe(0);
    });

    it('agents leave within the grace period if their main job is cancelled or killed', async () => {
      // From its first command on, a connection is held for a main job: until it is killed, it never counts as lost.
      await startService({ DTE_MAIN_LOST_MS: '1000' });
      for (const stop of ['cancelled', 'killed']) {
        const main = atService('nx');
        await main.run(['start-ci-run', '--session', `7-1001-${stop}`]);
        const agent = atService('nx-agent').start([
          'start-agent',
          '--slots=1',
          '--session',
          `7-1001-${stop}`,
        ]);
        await connected(agent);
        await waitFor('the main job to be held', () => main.holderPids().length > 0);
        if (stop === 'cancelled') gitlab.endJob(main.env['CI_JOB_ID'] ?? '');
        else for (const pid of main.holderPids()) process.kill(pid, 'SIGKILL');
        expect((await agent.end()).code).toBe(0);
        await waitFor('nobody to be left', () => main.holderPids().length === 0);
      }
    });

    it('is optional: a main job that gets no answer from it does its work itself', async () => {
      await startService();
      address = 'http://127.0.0.1:9';
      const { code, output } = await job('nx', {
        DTE_COORDINATOR_URL: address,
        DTE_CONNECT_TIMEOUT_MS: '500',
      }).run(['start-ci-run']);
      expect(code).toBe(0);
      expect(output).toMatch(/DTE_NO_COORDINATOR|ECONNREFUSED/);
    });
  });
});
