import type { ServerReport } from '@org/dte-protocol';
import { Reporter } from '../report/reporter';
import { Servers } from './servers';
import { graphOf, recordingLifeCycle } from '../test-support/tasks';

const report = (taskId: string, change: Partial<ServerReport> = {}): ServerReport => ({
  taskId,
  failed: false,
  ended: null,
  output: '',
  ...change,
});

function setUp(counted = true) {
  const { lifeCycle, calls } = recordingLifeCycle();
  const settled: string[] = [];
  const graph = graphOf(
    { 'api:serve': [], 'web:serve': [], 'e2e:a': [], 'e2e:b': [] },
    { 'web:serve': ['api:serve'], 'e2e:a': ['web:serve'], 'e2e:b': ['api:serve'] },
  );
  const servers = new Servers({
    graph,
    servers: ['api:serve', 'web:serve'],
    counted,
    record: jest.fn(),
    reporter: new Reporter({ lifeCycle, streams: () => false, createPrinter: jest.fn() }),
    settle: ({ id }, ending) => settled.push(`${id} ${ending}`),
  });
  return {
    servers,
    calls,
    settled,
    news: () => calls.splice(0).map((call) => call.replace(/ group \d$/, '')),
  };
}

describe('servers on agents, as they are reported to Nx', () => {
  it('start before the first task that needs them, dependencies first, and end after the last', async () => {
    const { servers, settled, news } = setUp();
    await servers.begin('e2e:a');
    expect(news()).toEqual([
      'schedule api:serve',
      'start api:serve',
      'schedule web:serve',
      'start web:serve',
    ]);
    await servers.begin('e2e:b');
    await servers.hear('agent-1', [report('api:serve', { output: 'listening\n' })]);
    await servers.over('e2e:a');
    expect(news()).toEqual(['print web:serve success ""', 'end web:serve success 0']);
    await servers.hear('agent-2', [report('api:serve', { output: 'listening too\n' })]);
    await servers.hear('agent-1', [report('api:serve', { output: 'a request\n' })]);
    await servers.over('e2e:b');
    expect(news()).toEqual(['print api:serve success "listening\\na request\\n"', 'end api:serve success 0']);
    expect(settled).toEqual(['web:serve success', 'api:serve success']);
  });

  it('fail at once when one ended before its users, with its output on that agent', async () => {
    const { servers, settled, news } = setUp();
    await servers.begin('e2e:b');
    await servers.hear('agent-1', [report('api:serve', { output: 'fine\n' })]);
    const died = [report('api:serve', { failed: true, ended: 'Exit code 4.', output: 'EADDRINUSE\n' })];
    await servers.hear('agent-2', died);
    await servers.over('e2e:b');
    expect(news().slice(2)).toEqual(['print api:serve failure "EADDRINUSE\\n"', 'end api:serve failure 1']);
    expect(settled).toEqual(['api:serve failure']);
    const text = servers.explain('agent-2', died);
    expect(text).toMatch(/Exit code 4\. Its last output:\nEADDRINUSE\n.*DTE_SERVER_FAILED/s);
    expect(servers.explain('agent-1', [report('api:serve')])).toBe('');
  });

  it('start and end when everything that needs them came from a cache, or never ran', async () => {
    const { servers, news } = setUp();
    await servers.finish(new Set(['web:serve']));
    expect(news()).toEqual([
      'schedule api:serve',
      'start api:serve',
      'print api:serve success ""',
      'end api:serve success 0',
    ]);
  });

  it('are shown and not counted if Nx does not count them', async () => {
    const { servers, settled, news } = setUp(false);
    await servers.finish(new Set(['web:serve']));
    expect(news().at(-1)).toBe('print api:serve success ""');
    expect(settled).toEqual([]);
  });
});
