import type { NxLifeCycle, NxTask, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type RunLogEntry } from '@org/dte-protocol';
import { foldEvents, type ReportEvent } from '@org/dte-report';
import { Chronicle } from './chronicle';

const task = (id: string): NxTask => {
  const [project = '', target = ''] = id.split(':');
  return { id, target: { project, target }, overrides: {}, outputs: [], cache: true, hash: `hash of ${id}` };
};

const GRAPH: TaskGraph = {
  roots: ['lib:build'],
  tasks: Object.fromEntries(['lib:build', 'app:build', 'app:test'].map((id) => [id, task(id)])),
  dependencies: { 'lib:build': [], 'app:build': [{ id: 'lib:build' }], 'app:test': [{ id: 'app:build' }] },
  continuousDependencies: {},
};

const AGENT = { agentId: 'a1', name: 'agent 1', jobUrl: null };

function entries(taskId: string): RunLogEntry[] {
  const result = {
    kind: 'finished' as const,
    status: 'success' as const,
    code: 0,
    fromCache: null,
    hash: null,
    artifact: { kind: 'none' as const },
    startMs: 1_100,
    endMs: 1_200,
    reason: null,
    hashDetails: { 'a file': 'a hash' },
  };
  return [
    { seq: 1, type: 'started', taskId, attempt: 1, agent: AGENT, atMs: 1_050 },
    { seq: 2, type: 'ended', taskId, status: 'success', attempt: 1, agent: AGENT, result, reason: null },
  ];
}

describe('the chronicle of a command', () => {
  let events: ReportEvent[];
  let lifeCycle: { lifeCycles: NxLifeCycle[] };
  let chronicle: Chronicle;

  beforeEach(() => {
    events = [];
    lifeCycle = { lifeCycles: [] };
    const file = { write: (event: ReportEvent) => void events.push(event), flush: () => Promise.resolve() };
    chronicle = new Chronicle({ runId: 'r1', graph: GRAPH, file, now: () => 2_000 });
    chronicle.begin({ text: 'nx run-many -t build,test', parallel: 2 }, lifeCycle);
  });

  /** As Nx tells all its life cycles. */
  const tell = (id: string, status: 'success' | 'failure' | 'local-cache', terminalOutput = ''): void => {
    const result = {
      task: { ...task(id), startTime: 1_500, endTime: 1_900 },
      status,
      terminalOutput,
      code: 0,
    };
    for (const each of lifeCycle.lifeCycles) void each.endTasks?.([result], { groupId: 0 });
  };
  const tasks = () => foldEvents(events).runs[0]?.tasks ?? [];

  it('tells what agents ran, what this job ran, and what never ran', () => {
    entries('lib:build').forEach((entry) => chronicle.entry(entry));
    tell('lib:build', 'success');
    tell('app:build', 'failure', 'x'.repeat(20_000) + 'the end');
    chronicle.over({ 'lib:build': 'success', 'app:build': 'failure', 'app:test': 'skipped' });
    expect(tasks()).toMatchObject([
      { id: 'lib:build', status: 'success', attempts: [{ agent: 0, startMs: 1_100, endMs: 1_200 }] },
      { id: 'app:build', status: 'failure', dependencies: [0], attempts: [{ agent: null, startMs: 1_500 }] },
      { id: 'app:test', status: 'skipped', attempts: [] },
    ]);
    expect(tasks()[1]?.output).toMatch(/^x{16377}the end$/);
    expect(foldEvents(events).runs).toMatchObject([{ ok: false, command: 'nx run-many -t build,test' }]);
    expect(JSON.stringify(events)).not.toContain('a file');
  });

  it('shows a task twice whose outputs were lost and that ran again here', () => {
    entries('lib:build').forEach((entry) => chronicle.entry(entry));
    tell('lib:build', 'success');
    tell('lib:build', 'success');
    expect(tasks()[0]?.attempts.map(({ agent }) => agent)).toEqual([0, null]);
  });

  it('knows results of a cache, and a command without failures', () => {
    for (const id of Object.keys(GRAPH.tasks)) tell(id, 'local-cache');
    chronicle.over({ 'lib:build': 'local-cache', 'app:build': 'local-cache', 'app:test': 'local-cache' });
    expect(tasks().map(({ from, attempts }) => [from, attempts.length])).toEqual([
      ['local', 0],
      ['local', 0],
      ['local', 0],
    ]);
    expect(foldEvents(events).runs).toMatchObject([{ ok: true }]);
  });

  it('knows when an agent has left, of which the coordinator says nothing any more', () => {
    const info = { type: 'session.info' as const, sessionId: 's', state: 'open' as const, refused: [] };
    const state = { slots: 2, draining: false, running: [], finished: 0, connected: true };
    chronicle.session({ ...info, agents: [{ ...AGENT, ...state }] });
    chronicle.session({ ...info, agents: [] });
    expect(foldEvents(events).agents).toMatchObject([{ name: 'agent 1', leftMs: 2_000 }]);
  });

  it('hears what is explained, and says it', () => {
    const said: string[] = [];
    const voice = chronicle.hearing({
      line: (text) => said.push(text),
      progress: (text) => said.push(text),
      follows: (output) => said.push(output),
      explain: ({ code }) => said.push(code),
    });
    voice.line('one');
    voice.progress('two');
    voice.follows('output');
    voice.explain(new DteError('DTE_NO_AGENTS', 'No agent came.'));
    expect(said).toEqual(['one', 'two', 'output', 'DTE_NO_AGENTS']);
    expect(foldEvents(events).messages).toEqual([
      { atMs: 2_000, reason: { code: 'DTE_NO_AGENTS', message: 'No agent came.' } },
    ]);
  });
});
