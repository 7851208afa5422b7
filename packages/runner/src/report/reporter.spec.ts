import { Reporter } from './reporter';
import { recordingLifeCycle, task } from '../test-support/tasks';

describe('Reporter', () => {
  const build = (streams: boolean) => {
    const { lifeCycle, calls } = recordingLifeCycle();
    const createPrinter = ({ id }: { id: string }) => ({
      write: (text: string) => void calls.push(`write ${id} ${text}`),
      restart: () => void calls.push(`restart ${id}`),
      end: (note = '') => void calls.push(`stop ${id}${note}`),
    });
    return { calls, reporter: new Reporter({ lifeCycle, streams: () => streams, createPrinter }) };
  };
  const success = { status: 'success', code: 0, terminalOutput: 'out', attempt: 1 } as const;

  it("reports a task to Nx in the order of Nx's own runner", async () => {
    const { reporter, calls } = build(false);
    await reporter.started(task('a:b'));
    await reporter.ended({ task: task('a:b'), ...success });
    expect(calls).toEqual([
      'schedule a:b',
      'start a:b group 0',
      'print a:b success "out"',
      'end a:b success 0 group 0',
    ]);
  });

  it('reports the start of a task that ends without one, and only once for a task with two attempts', async () => {
    const { reporter, calls } = build(false);
    await reporter.ended({ task: task('a:b'), ...success });
    await reporter.started(task('c:d'));
    await reporter.started(task('c:d'));
    expect(calls.filter((call) => call.startsWith('start'))).toEqual([
      'start a:b group 0',
      'start c:d group 0',
    ]);
  });

  it('tells what Nx has printed last: the output of a task that failed', async () => {
    const { lifeCycle } = recordingLifeCycle();
    const printed: string[] = [];
    const onPrinted = (output: string) => void printed.push(output);
    const reporter = new Reporter({ lifeCycle, streams: () => false, createPrinter: jest.fn(), onPrinted });
    await reporter.ended({ task: task('a:b'), ...success, status: 'failure', code: 1 });
    await reporter.ended({ task: task('c:d'), ...success });
    expect(printed).toEqual(['out', '']);
  });

  it('gives tasks that run at the same time different groups and reuses them', async () => {
    const { reporter, calls } = build(false);
    await reporter.started(task('a:a'));
    await reporter.started(task('b:b'));
    await reporter.ended({ task: task('a:a'), ...success });
    await reporter.started(task('c:c'));
    expect(calls.filter((call) => call.startsWith('start'))).toEqual([
      'start a:a group 0',
      'start b:b group 1',
      'start c:c group 0',
    ]);
  });

  it('shows live output and at the end only the rest, if output is streamed', async () => {
    const { reporter, calls } = build(true);
    const streamed = task('a:b');
    await reporter.started(streamed);
    reporter.output(streamed, { attempt: 1, offset: 0, data: 'ou' });
    await reporter.ended({ task: streamed, ...success });
    expect(calls.slice(2)).toEqual(['write a:b ou', 'write a:b t', 'stop a:b', 'end a:b success 0 group 0']);
  });

  it('reports the start of a task whose output arrives first', async () => {
    const { reporter, calls } = build(true);
    reporter.output(task('a:b'), { attempt: 1, offset: 0, data: 'out' });
    await reporter.started(task('a:b'));
    expect(calls).toEqual(['schedule a:b', 'start a:b group 0', 'write a:b out']);
  });

  it('notifies the printer of another attempt, and of a note that is not part of the output', async () => {
    const { reporter, calls } = build(true);
    const streamed = task('a:b');
    await reporter.started(streamed);
    reporter.output(streamed, { attempt: 1, offset: 0, data: 'lost' });
    reporter.output(streamed, { attempt: 2, offset: 0, data: 'ou' });
    await reporter.ended({ task: streamed, ...success, attempt: 2, note: 'note\n' });
    expect(calls.slice(2, -1)).toEqual([
      'write a:b lost',
      'restart a:b',
      'write a:b ou',
      'write a:b t',
      'stop a:b\nnote\n',
    ]);
  });

  it('prints cached output as Nx does, whatever the style', async () => {
    const { reporter, calls } = build(true);
    await reporter.ended({ task: task('a:b'), ...success, status: 'remote-cache', attempt: null });
    expect(calls).toContain('print a:b remote-cache "out"');
  });

  it('ignores live output if Nx would not stream', () => {
    const { reporter, calls } = build(false);
    reporter.output(task('a:b'), { attempt: 1, offset: 0, data: 'x' });
    expect(calls).toEqual([]);
  });

  it('notifies a terminal UI of the screen of a task, and how it ended, including skipped tasks', async () => {
    const { lifeCycle, calls } = recordingLifeCycle();
    const ui = {
      begin: (id: string) => void calls.push(`screen ${id}`),
      end: (id: string, status: string) => void calls.push(`mark ${id} ${status}`),
    };
    const createPrinter = () => ({
      write: (text: string) => void calls.push(`write ${text}`),
      restart: jest.fn(),
      end: jest.fn(),
    });
    const reporter = new Reporter({ lifeCycle, streams: () => true, createPrinter, ui });
    await reporter.ended({ task: task('a:b'), ...success });
    reporter.skipped('c:d');
    await reporter.idle();
    expect(calls).toEqual([
      'schedule a:b',
      'start a:b group 0',
      'screen a:b',
      'write out',
      'end a:b success 0 group 0',
      'mark a:b success',
      'mark c:d skipped',
    ]);
  });

  it('continues with the next task when a life cycle throws', async () => {
    const { lifeCycle, calls } = recordingLifeCycle();
    let broken = true;
    const startTasks = lifeCycle.startTasks!;
    lifeCycle.startTasks = (tasks, metadata) => {
      if (broken) throw new Error('broken');
      return startTasks(tasks, metadata);
    };
    const reporter = new Reporter({
      lifeCycle,
      streams: () => false,
      createPrinter: () => ({ write: jest.fn(), restart: jest.fn(), end: jest.fn() }),
    });
    await expect(reporter.started(task('a:a'))).rejects.toThrow('broken');
    broken = false;
    await reporter.started(task('b:b'));
    await reporter.idle();
    expect(calls).toContain('start b:b group 1');
  });
});
