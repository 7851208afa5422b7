import { NX_VERSIONS } from './install-majors';
import type { HostServerResult } from './scenarios/host-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const script = (body: string): string => `node -e "console.log('up'); ${body}"`;
const FOREVER = 'setInterval(() => undefined, 1000)';

const needs = (server: string, waitFor?: string): object => ({
  executor: 'nx:run-commands',
  dependsOn: [{ projects: ['servers'], target: server, ...(waitFor ? { waitFor } : {}) }],
  options: { command: 'true' },
});

const server = (body: string, extra: object = {}): object => ({
  executor: 'nx:run-commands',
  continuous: true,
  options: { command: script(body) },
  ...extra,
});

const FILES = {
  ...project('servers', {
    good: server(FOREVER),
    bad: server('setTimeout(() => process.exit(4), 300)'),
    probed: server(`setTimeout(() => console.log('listening'), 300); ${FOREVER}`, {
      readyWhen: { logMatches: 'listening' },
    }),
    slow: server(FOREVER, { readyWhen: { logMatches: 'listening', timeout: 500 } }),
  }),
  ...project('good', { use: needs('good') }),
  ...project('bad', { use: needs('bad') }),
  ...project('probed', { use: needs('probed', 'ready') }),
  ...project('slow', { use: needs('slow', 'ready') }),
};

// 20 has no servers.
describe.each(NX_VERSIONS.filter((version) => !version.startsWith('20.')))('servers, nx %s', (version) => {
  let workspace: Workspace;
  const major = Number(version.split('.')[0]);

  beforeAll(() => {
    workspace = makeWorkspace(version, FILES);
  });
  afterAll(() => {
    workspace.remove();
  });

  const start = async (name: string, stopAt?: string): Promise<HostServerResult> => {
    const { result } = await workspace.run<HostServerResult>('host-server', {
      server: `servers:${name}`,
      user: `${name}:use`,
      ...(stopAt === undefined ? {} : { stopAt }),
    });
    return result;
  };

  it('is ready once started, and stops with all its processes', async () => {
    const result = await start('good', '\nup');
    expect(result).toMatchObject({ probed: false, ready: null });
    expect(result.ended.why).toMatch(/^servers:good (ended with exit code \d+|was stopped by a signal)\.$/);
    expect(result.output).toMatch(/^up$/m);
  });

  it('that exits by itself reports how, and fails the command if Nx does so', async () => {
    const result = await start('bad');
    expect(result.ready).toBeNull();
    expect(result.ended).toEqual({ why: 'servers:bad ended with exit code 4.', failed: major >= 22 });
    expect(result.output).toContain('up');
  });

  if (major >= 24) {
    it('with readyWhen is ready when Nx reports it as ready', async () => {
      const result = await start('probed', '\nlistening');
      expect(result).toMatchObject({ probed: true, ready: null });
      expect(result.output).toContain('listening');
    });

    it('that is not ready in time reports that in the words of Nx', async () => {
      const result = await start('slow', '\nup');
      expect(result.probed).toBe(true);
      expect(result.ready?.failed).toBe(true);
      expect(result.ready?.why).toContain('did not become ready within 500ms');
    });
  }
});
