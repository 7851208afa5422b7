import { HTTP } from '@org/dte-protocol';
import {
  exampleHello,
  httpCall,
  RawClient,
  type RunningProcess,
  selfSignedCertificate,
  waitFor,
} from '@org/dte-testing';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

// Processes of their own, on two cores that the other tests also use.
jest.setTimeout(120_000);

const certificate = selfSignedCertificate();
const itWithOpenssl = certificate === null ? it.skip : it;

describe('dte coordinator as a service', () => {
  let world: CliWorld;
  let service: RunningProcess | null;
  beforeEach(() => {
    world = new CliWorld();
    service = null;
  });
  afterEach(async () => {
    service?.signal('SIGKILL');
    await service?.end();
    await world.close();
  });

  async function start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
    service = world.start(['coordinator', '--port=0', ...args], env);
    await service.waitForOutput(/coordinator on https?:\S+ /);
    return /coordinator on (https?:\S+) /.exec(service.output())?.[1] ?? '';
  }
  const ready = async (url: string): Promise<unknown> => {
    const { status, text } = await httpCall(url, { path: HTTP.ready });
    return [status, text];
  };

  it('drains by a signal, and ends by a second one without waiting for its sessions', async () => {
    const url = await start([], { DTE_COORDINATOR_DRAIN_MS: '3600000' });
    const main = await RawClient.hello(url, exampleHello({ role: 'main', slots: null }));
    expect(await ready(url)).toEqual([200, '{"ready":true}']);
    service?.signal('SIGTERM');
    await service?.waitForOutput('1 running sessions go on for at most');
    expect(await ready(url)).toEqual([503, '{"ready":false,"why":"the coordinator is shutting down"}']);
    const other = await RawClient.hello(url, exampleHello({ sessionId: 's2' }));
    expect(other.received.at(-1)).toMatchObject({ type: 'error', fatal: false });
    expect(main.closed).toBeNull();
    service?.signal('SIGTERM');
    expect((await service?.end())?.code).toBe(0);
    await waitFor('the main job to be told', () => main.closed !== null);
  });

  it('ends at once without sessions', async () => {
    await start([], { DTE_COORDINATOR_DRAIN_MS: '3600000' });
    service?.signal('SIGTERM');
    expect((await service?.end())?.code).toBe(0);
  });

  itWithOpenssl(
    'serves https with its own certificate to jobs that trust what their runner trusts',
    async () => {
      world.write('tls.crt', certificate?.cert ?? '');
      world.write('tls.key', certificate?.key ?? '');
      const url = await start(['--tls-cert=tls.crt', '--tls-key=tls.key']);
      expect(url).toMatch(/^https:/);
      const env = { DTE_COORDINATOR_URL: url, DTE_CONNECT_TIMEOUT_MS: '1000' };
      const stranger = await world.run(['status'], env);
      expect([stranger.code, stranger.output]).toEqual([1, expect.stringMatching(/self-signed certificate/)]);
      // As GitLab's runner gives it to each job.
      const job = { ...env, CI_SERVER_TLS_CA_FILE: join(world.root, 'tls.crt'), CI_PROJECT_ID: '1' };
      const { code, output } = await world.run(['status'], { ...job, DTE_CONNECT_TIMEOUT_MS: '30000' });
      expect([code, output]).toEqual([0, expect.stringContaining('cli')]);
    },
  );

  it('does not start with half of a pair, and says what is missing', async () => {
    const { code, output } = await world.run(['coordinator', '--port=0', '--tls-cert=tls.crt']);
    expect(code).toBe(1);
    expect(output).toContain('tlsCert is set, and tlsKey is not: TLS needs a certificate and its key.');
  });
});
