import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AttemptResult, HTTP } from '@org/dte-protocol';
import type { ReportEvent } from '@org/dte-report';
import { httpCall, runSpec, taskSpec } from '@org/dte-testing';
import { agentSync, completed, Harness, success } from './support/harness';

const DASHBOARD = join(__dirname, '..', '..', '..', 'deploy', 'grafana', 'dte.json');

/** `name{label="value"}` -> its value. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('the metrics of a coordinator', () => {
  let harness: Harness;
  afterEach(() => harness.cleanUp());

  const scrape = async (): Promise<Map<string, number>> => {
    const { metricsUrl } = harness.coordinator;
    if (metricsUrl === null) throw new Error('no metrics');
    const answer = await httpCall(new URL(metricsUrl).origin, { method: 'GET', path: '/metrics' });
    expect(answer.status).toBe(200);
    return parse(answer.text);
  };

  it('count agents, slots, tasks, lookups and bytes, and have all that the dashboard shows', async () => {
    harness = await Harness.start({ metrics: { host: '127.0.0.1', port: 0 } });
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(
      main,
      runSpec(
        'r1',
        ['a', 'b', 'c'].map((id) => taskSpec(id)),
      ),
    );
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 2);
    const early = await scrape();
    expect(
      Object.fromEntries([...early].filter(([name]) => /^dte_(agents|slots|tasks|sessions)\{/.test(name))),
    ).toEqual({
      'dte_agents{state="ready"}': 1,
      'dte_agents{state="leaving"}': 0,
      'dte_slots{state="busy"}': 2,
      'dte_slots{state="idle"}': 0,
      'dte_tasks{state="ready"}': 1,
      'dte_tasks{state="running"}': 2,
      'dte_tasks{state="waiting"}': 0,
      'dte_sessions{state="open"}': 1,
      'dte_sessions{state="finished"}': 0,
    });
    expect(early.get('dte_attempts_total')).toBe(2);
    expect(early.get('dte_dispatch_seconds_count')).toBe(2);

    await harness.putCache(main, 'h1', 'an artifact');
    agent.send(agentSync(2, [completed('r1', 'a', success('h1'))]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.some(({ taskId }) => taskId === 'c'));
    const late = await scrape();
    expect(late.get('dte_tasks_total{outcome="success"}')).toBe(1);
    expect(late.get('dte_artifact_bytes_total{direction="received"}')).toBe('an artifact'.length);
    expect(late.get('dte_journal_write_seconds_count')).toBeGreaterThan(0);
    expect(late.get('process_resident_memory_bytes')).toBeGreaterThan(0);

    const shown = readFileSync(DASHBOARD, 'utf8').match(/\b(dte|process|nodejs)_[a-z0-9_]+/g) ?? [];
    // A counter with labels has no line before its first event, but it is described.
    const { metricsUrl } = harness.coordinator;
    const { text } = await httpCall(new URL(metricsUrl ?? '').origin, { method: 'GET', path: '/metrics' });
    const described = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const isKnown = (name: string): boolean => described.has(name.replace(/_(bucket|count|sum)$/, ''));
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.filter((name) => !isKnown(name))).toEqual([]);
  });

  it('count each result once: those of agents as the scheduler knows them, those of the main job as it tells them', async () => {
    harness = await Harness.start({ metrics: { host: '127.0.0.1', port: 0 } });
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('a'), taskSpec('b')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 2);
    await harness.putCache(main, 'h1', 'an artifact');
    const cached = { ...success('h1'), fromCache: 'local-cache' } as AttemptResult;
    agent.send(agentSync(2, [completed('r1', 'a', success('h1')), completed('r1', 'b', cached)]));
    await main.next(
      'run.update',
      ({ entries }) => entries.filter(({ type }) => type === 'ended').length === 2,
    );

    const ended = (how: Partial<Extract<ReportEvent, { type: 'ended' }>>): ReportEvent => ({
      type: 'ended',
      atMs: 1,
      runId: 'r1',
      taskId: 'c',
      status: 'success',
      code: 0,
      from: null,
      here: true,
      startMs: 1,
      endMs: 1,
      output: null,
      ...how,
    });
    const events = [
      ended({ here: false }),
      ended({ here: false, from: 'remote' }),
      ended({ from: 'local' }),
      ended({ from: 'local' }),
      ended({ from: 'remote' }),
      ended({ status: 'failure', code: 1 }),
      ended({ status: 'stopped', code: null }),
      ended({ status: 'skipped', code: null, startMs: null }),
    ];
    const body = JSON.stringify({ sentAtMs: 1, events });
    const answer = await httpCall(harness.url, {
      method: 'POST',
      path: HTTP.reportEvents,
      token: main.token,
      body,
    });
    expect(answer.status).toBe(200);
    const results = [...(await scrape())].filter(([name]) => name.startsWith('dte_task_results_total'));
    expect(Object.fromEntries(results)).toEqual({
      'dte_task_results_total{place="agent",source="ran"}': 1,
      'dte_task_results_total{place="agent",source="local-cache"}': 1,
      'dte_task_results_total{place="agent",source="remote-cache"}': 0,
      'dte_task_results_total{place="main",source="ran"}': 1,
      'dte_task_results_total{place="main",source="local-cache"}': 2,
      'dte_task_results_total{place="main",source="remote-cache"}': 1,
    });
  });

  it('are not served on the port of the jobs, and nowhere unless asked for', async () => {
    harness = await Harness.start();
    expect(harness.coordinator.metricsUrl).toBeNull();
    const answer = await httpCall(harness.url, { method: 'GET', path: '/metrics' });
    expect(answer.status).not.toBe(200);
  });
});
