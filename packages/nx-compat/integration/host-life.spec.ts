import { NX_VERSIONS } from './install-majors';
import type { HostEnduranceResult } from './scenarios/host-endurance';
import type { HostStopResult } from './scenarios/host-stop';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** Unlikely to be used by others, and different per version so that runs do not affect each other. */
const seconds = (version: string): string => `86${version.replaceAll('.', '')}`;

const STUBBORN = (trace: string): string =>
  [
    // In its own session, and no longer a descendant of this process after the shell that started it has exited.
    `(setsid sleep ${trace} &)`,
    `sh -c "trap '' TERM; sleep ${trace}; sleep ${trace}" & echo ready; sleep ${trace}`,
  ].join('; ');

const FILES = (version: string): Record<string, string> => ({
  'tools/executors/package.json': JSON.stringify({
    name: 'executors',
    version: '0.0.0',
    executors: './executors.json',
  }),
  'tools/executors/executors.json': JSON.stringify({
    executors: { hang: { implementation: './hang.js', schema: './schema.json' } },
  }),
  'tools/executors/schema.json': JSON.stringify({ type: 'object', properties: {} }),
  'tools/executors/hang.js': `module.exports = async () => {
    require('child_process').spawn('sleep', ['${seconds(version)}'], { detached: true, stdio: 'ignore' });
    console.log('ready');
    await new Promise(() => setInterval(() => {}, 1000));
  };`,
  ...project('shell', { build: STUBBORN(seconds(version)), test: 'echo fine' }),
  ...project('polite', {
    build: {
      cache: true,
      executor: 'nx:run-commands',
      options: { command: `trap 'exit 0' TERM; echo ready; sleep ${seconds(version)} & wait` },
    },
  }),
  ...project('forked', { build: { executor: './tools/executors:hang' } }),
});

describe.each(NX_VERSIONS)('the life of a host, nx %s', (version) => {
  let workspace: Workspace;

  afterEach(() => {
    workspace.remove();
  });

  it.each(['shell:build', 'forked:build'])(
    'stops %s with all its child processes, and continues',
    async (id) => {
      workspace = makeWorkspace(version, FILES(version));
      const { result } = await workspace.run<HostStopResult>('host-stop', {
        id,
        graceMs: 200,
        trace: seconds(version),
        then: 'shell:test',
      });
      expect(result.before).toBeGreaterThan(0);
      expect([result.left, result.leftAtResult]).toEqual([[], []]);
      expect(result.stopped).toMatchObject({ status: 'failure', stopped: true, store: { kind: 'none' } });
      expect(result.stopped.code).not.toBe(0);
      expect(result.stopped.terminalOutput).toContain('ready');
      expect(result.early).toMatchObject({ status: 'failure', stopped: true });
      expect(result.next).toMatchObject({ status: 'success', stopped: false });
    },
  );

  it('stores nothing of a task that exits with code 0 because it was stopped', async () => {
    workspace = makeWorkspace(version, FILES(version));
    const { result } = await workspace.run<HostStopResult>('host-stop', {
      id: 'polite:build',
      graceMs: 2_000,
      trace: seconds(version),
      then: 'shell:test',
    });
    expect(result.stopped).toMatchObject({ stopped: true, store: { kind: 'none' } });
    expect(result.stopped.terminalOutput).toContain('ready');
    expect(result.cached).toBe(false);
    expect(result.next).toMatchObject({ status: 'success', stopped: false });
  });

  it('runs 250 tasks without leaking listeners or memory', async () => {
    workspace = makeWorkspace(version, {
      ...project('a', { build: 'echo a' }),
      ...project('b', { build: 'echo b && exit 1' }),
      ...project('c', {
        build: { executor: 'nx:run-commands', options: { commands: ['echo 1', 'echo 2'] } },
      }),
    });
    const { result } = await workspace.run<HostEnduranceResult>('host-endurance', { rounds: 250 });
    expect(result.statuses).toEqual({ success: 167, failure: 83 });
    expect(result.warnings).toEqual([]);
    expect(result.listeners.last).toBe(result.listeners.first);
    expect(result.heap.last - result.heap.first).toBeLessThan(4);
  });
});
