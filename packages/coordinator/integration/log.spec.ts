import { HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, waitFor } from '@org/dte-testing';
import { createLog } from '../src';
import { agentSync, completed, Harness, success } from './support/harness';

describe('the log of a coordinator', () => {
  it('describes a run whose artifact was missing, across a restart, without forwarded values', async () => {
    const lines: string[] = [];
    const logger = createLog('info', (line) => lines.push(line));
    const harness = await Harness.start({ logger, limits: { closeMs: 2_500 } });
    try {
      const main = await harness.main();
      const agent = await harness.agent('agent 1');
      agent.send(agentSync(1));
      await harness.submit(main, {
        ...runSpec('r1', [taskSpec('app:build')]),
        forwardedEnv: ['TOKEN'],
      });
      const body = JSON.stringify({ values: { TOKEN: 'tr0ub4dor-and-3' } });
      await httpCall(harness.url, { method: 'PUT', path: HTTP.runEnv('r1'), body, token: main.token });
      await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
      agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
      await waitFor('the lost attempt', () => lines.some((line) => line.includes('attempt lost')));
      await harness.coordinator.close();
      await harness.startCoordinator();
      await harness.coordinator.close();
    } finally {
      await harness.cleanUp();
    }
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const session = { session: 's1' };
    for (const expected of [
      { msg: 'coordinator starting', dataDir: harness.dataDir, limits: { closeMs: 2_500 } },
      { msg: 'coordinator ready', url: expect.stringContaining('http://') as string },
      { ...session, msg: 'session opened' },
      { ...session, msg: 'agent joined', agent: 'agent 1' },
      { ...session, msg: 'run submitted', run: 'r1', tasks: 1 },
      { ...session, msg: 'attempt lost or returned', task: 'app:build', code: 'DTE_ARTIFACT_MISSING' },
      { msg: 'coordinator closed' },
      { ...session, msg: 'session restored from its journal', entries: expect.any(Number) as number },
    ]) {
      expect(entries).toContainEqual(expect.objectContaining(expected));
    }
    expect(lines.join('')).not.toContain('tr0ub4dor');
    expect(entries.every(({ level }) => level === 'info' || level === 'warn')).toBe(true);
  });
});
