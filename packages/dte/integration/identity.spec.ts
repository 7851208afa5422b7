import { createCoordinator } from '@org/dte-coordinator';
import { createCoordinatorCertificate } from '@org/dte-identity';
import { rendezvousRecordSchema, sessionStatusSchema, type RendezvousRecord } from '@org/dte-protocol';
import { startFakeGitlab, waitFor, type FakeGitlab, type RunningProcess } from '@org/dte-testing';
import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

// Every command is a separate process, on two cores that the other tests also use.
jest.setTimeout(120_000);

const SESSION = '7-1001';
const claims = { project_id: '7', pipeline_id: '1001', sha: 'a'.repeat(40) };
const hasNetwork = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal));

let gitlab: FakeGitlab;
let world: CliWorld;
const agents: RunningProcess[] = [];

beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
});
afterAll(() => gitlab.close());

beforeEach(() => {
  world = new CliWorld();
  // Executors never become ready, so that no agent leaves because it has none.
  world.write(
    'node_modules/nx/src/utils/workspace-root.js',
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
  );
  world.env = {
    NO_COLOR: '1',
    CI: 'true',
    CI_SERVER_URL: gitlab.url,
    CI_PROJECT_ID: '7',
    CI_PIPELINE_ID: '1001',
    DTE_RENDEZVOUS_DIR: world.rendezvousDir,
  };
});
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.signalTree('SIGKILL');
  await world.close();
});

/** The variables of a job of the pipeline; its id token contains the same number. */
const job = (id: string, change: object = {}, options: object = {}): Record<string, string> => ({
  CI_JOB_ID: id,
  CI_JOB_NAME: `job ${id}`,
  DTE_ID_TOKEN: gitlab.idToken({ ...claims, job_id: id, ...change }, options),
});
const main = (): Record<string, string> => ({ ...job('50'), DTE_HOST: '0.0.0.0' });

const recordPath = (): string => join(world.rendezvousDir, `${SESSION}.json`);
const readRecord = (): RendezvousRecord =>
  rendezvousRecordSchema.parse(JSON.parse(readFileSync(recordPath(), 'utf8')));

async function startMain(env: Record<string, string> = main()): Promise<string> {
  const { code, stdout, stderr } = await world.run(['start-ci-run', '--require-explicit-completion'], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
function startAgent(env: Record<string, string>): RunningProcess {
  const agent = world.start(['start-agent', '--slots', '1'], env);
  agents.push(agent);
  return agent;
}
async function connectedAgents(env = main()): Promise<string[]> {
  const { stdout } = await world.run(['status', '--json'], env);
  return sessionStatusSchema.parse(JSON.parse(stdout)).agents.map(({ name }) => name);
}
const inSession = (name: string, env = main()): Promise<unknown> =>
  waitFor(`${name} in the session`, async () => (await connectedAgents(env)).includes(name), {
    deadlineMs: 30_000,
  });

(hasNetwork ? describe : describe.skip)('a coordinator of a main job that other machines reach', () => {
  it('is published with its key, is found by the agents of its pipeline, and releases them', async () => {
    const stdout = await startMain();
    const record = readRecord();
    expect(record.url).toMatch(/^https:\/\/(?!127\.)/);
    expect(record.pin).toMatch(/^sha256\//);
    expect(JSON.stringify(record)).not.toContain('eyJ');
    expect(stdout).toContain(`session ${SESSION} · coordinator ${record.url}`);
    const agent = startAgent(job('51'));
    await inSession('job 51');
    await world.run(['complete-ci-run'], main());
    expect(await agent.end()).toMatchObject({ code: 0 });
    expect(agent.output()).toContain(`dte: job 51 is connected to ${record.url}`);
  });

  it('also requires the secret if there is one', async () => {
    const DTE_SECRET = 'open sesame';
    await startMain({ ...main(), DTE_SECRET });
    startAgent({ ...job('51'), DTE_SECRET });
    await inSession('job 51', { ...main(), DTE_SECRET });
    const without = await startAgent(job('52')).end();
    expect(without).toMatchObject({ code: 1 });
    expect(without.stdout).toContain('DTE_BAD_SECRET');
  });

  it('requires only the secret outside GitLab', async () => {
    const env = { DTE_HOST: '0.0.0.0', DTE_SECRET: 'open sesame', CI_SERVER_URL: '' };
    await startMain(env);
    expect(readRecord().pin).toMatch(/^sha256\//);
    startAgent({ ...env, DTE_NAME: 'friend' });
    await inSession('friend', env);
    const stranger = await startAgent({ ...env, DTE_SECRET: 'open barley' }).end();
    expect(stranger).toMatchObject({ code: 1 });
    expect(stranger.stdout).toContain('DTE_BAD_SECRET');
  });

  it.each<[string, () => Record<string, string>]>([
    ['without an id token', () => ({ CI_JOB_NAME: 'job 51' })],
    ['of another pipeline', () => job('51', { pipeline_id: '1002' })],
    ['of another project', () => job('51', { project_id: '8' })],
    ['of another commit', () => job('51', { sha: 'b'.repeat(40) })],
    ['with a token for another audience', () => job('51', {}, { audience: 'vault' })],
    ['with a token that nobody has signed', () => job('51', {}, { alg: 'none' })],
  ])('refuses a job %s, which fails with the cure', async (_, env) => {
    await startMain();
    const { code, stdout } = await startAgent(env()).end();
    expect(code).toBe(1);
    expect(stdout).toContain('DTE_ID_TOKEN_REFUSED');
    expect(stdout).toContain('id_tokens');
  });

  it('does not start for a GitLab pipeline with only a secret, unless shared trust is set', async () => {
    const env = { DTE_HOST: '0.0.0.0', DTE_SECRET: 'open sesame', CI_JOB_ID: '50' };
    const { code, stderr } = await world.run(['start-ci-run'], env);
    expect(code).toBe(1);
    expect(stderr).toContain('DTE_SHARED_TRUST');
    expect(stderr).toContain('id_tokens');
    await startMain({ ...env, DTE_SHARED_TRUST: 'true' });
  });

  it('does not start if clients could not authenticate', async () => {
    const { code, stderr } = await world.run(['start-ci-run'], { DTE_HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(stderr).toContain('DTE_SECRET_REQUIRED');
  });
});

describe('an agent of a pipeline', () => {
  const publish = (record: Partial<RendezvousRecord> & { url: string }): void =>
    world.write(
      `rendezvous/${SESSION}.json`,
      JSON.stringify({
        version: 1,
        sessionId: SESSION,
        generation: 'g',
        expiresAtMs: Date.now() + 600_000,
        ...record,
      }),
    );

  it('sends nothing to a coordinator with another key than the published one', async () => {
    await startMain();
    const record = readRecord();
    publish({ ...record, generation: 'forged', pin: createCoordinatorCertificate().pin });
    const { code, stdout } = await startAgent({ ...job('51'), DTE_PIN_PATIENCE_MS: '500' }).end();
    expect(code).toBe(1);
    expect(stdout).toContain('DTE_PIN_MISMATCH');
    publish(record);
    expect(await connectedAgents()).toEqual([]);
  });

  it.each([
    ['has the right key', createCoordinatorCertificate()],
    ['is on this machine', null],
  ])('leaves a coordinator that %s and no id token of the pipeline', async (_, certificate) => {
    const stranger = await createCoordinator({
      dataDir: join(world.root, 'stranger'),
      ...(certificate === null ? {} : { tls: certificate }),
    });
    try {
      publish({ url: stranger.url, ...(certificate === null ? {} : { pin: certificate.pin }) });
      const { code, stdout } = await startAgent(job('51')).end();
      expect(code).toBe(1);
      expect(stdout).toContain('DTE_ID_TOKEN_REFUSED');
    } finally {
      await stranger.close();
    }
  });

  it('that cannot connect to the address reports it in time, and tells the main job through the rendezvous', async () => {
    publish({ url: 'https://127.0.0.1:1', pin: createCoordinatorCertificate().pin });
    const env = {
      ...job('51'),
      CI_JOB_URL: 'https://gitlab.example.com/-/jobs/51',
      DTE_UNREACHABLE_MS: '800',
    };
    const { code, stdout } = await startAgent(env).end();
    expect(code).toBe(1);
    expect(stdout).toContain('DTE_UNREACHABLE');
    expect(stdout).toContain('dte coordinator');
    expect(stdout).toContain('https://127.0.0.1:1');
    const folder = join(world.rendezvousDir, `${SESSION}.reports`);
    const [report = ''] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    );
    expect(JSON.parse(readFileSync(join(folder, report), 'utf8'))).toMatchObject({
      name: 'job 51',
      jobUrl: env.CI_JOB_URL,
    });
  });
});

describe('a service with only a secret that other machines can reach', () => {
  const said = async (...flags: string[]): Promise<string> => {
    const env = { DTE_SECRET: 'open sesame', DTE_DATA_DIR: join(world.root, 'service') };
    const service = world.start(['coordinator', '--host', '0.0.0.0', '--port', '0', ...flags], env);
    agents.push(service);
    await service.waitForOutput(/coordinator on \S+/);
    return service.output();
  };

  it('prints whom it serves, and rejects a main job of GitLab, which then prints what to set', async () => {
    const output = await said();
    expect(output).toMatch(/one project and no GitLab pipelines/);
    const DTE_COORDINATOR_URL = `http://127.0.0.1:${/coordinator on \S+:(\d+)/.exec(output)?.[1] ?? ''}`;
    const env = { DTE_SECRET: 'open sesame', DTE_COORDINATOR_URL, CI_JOB_URL: 'https://git/-/jobs/1' };
    const { code, stderr } = await world.run(['start-ci-run'], env);
    expect(code).toBe(1);
    for (const text of ['DTE_SHARED_TRUST', '--issuers', '--shared-trust', SESSION])
      expect(stderr).toContain(text);
  });

  it('prints what shared trust means when it is set', async () => {
    expect(await said('--shared-trust')).toMatch(
      /everyone who has DTE_SECRET .*\n.*only --issuers separates pipelines/,
    );
  });
});
