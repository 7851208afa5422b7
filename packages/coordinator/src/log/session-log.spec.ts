import { DteError } from '@org/dte-protocol';
import type { HistoryEvent } from '@org/dte-scheduler';
import { runSpec, taskSpec } from '@org/dte-testing';
import { createLog, type LogLevel } from './create-log';
import { SessionLog } from './session-log';

const RUN = runSpec('r1', [taskSpec('app:build'), taskSpec('app:test')]);
const LEASE_EXPIRED = { code: 'DTE_LEASE_EXPIRED', message: 'Nothing was heard.\nof it' } as const;
const at = { runId: 'r1', taskId: 'app:build', attempt: 1, agentId: 'a1' };
const JOINED: HistoryEvent = { type: 'agent.joined', agentId: 'a1', name: 'build 1/2', again: false };
const SUBMITTED: HistoryEvent = { type: 'run.submitted', runId: 'r1', tasks: 2 };

function recorded(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = [];
  const logger = createLog(level, (line) => {
    const { time: _time, pid: _pid, ...rest } = JSON.parse(line) as Record<string, unknown>;
    lines.push(rest);
  });
  const log = new SessionLog(logger.child({ session: 's1' }), () => ({
    jobUrl: 'https://gitlab.example.com/-/jobs/1',
    slots: 2,
    labels: ['linux'],
  }));
  return { log, lines };
}

describe('SessionLog', () => {
  it('logs which clients joined and left, the result of a run, and why an attempt was lost', () => {
    const { log, lines } = recorded();
    log.begin(RUN, 1_000);
    log.note([JOINED, SUBMITTED], 1_000);
    log.note([{ type: 'task.assigned', ...at }], 1_100);
    log.note(
      [
        { type: 'task.lost', ...at, reason: LEASE_EXPIRED },
        { type: 'agent.left', agentId: 'a1', reason: LEASE_EXPIRED },
      ],
      31_000,
    );
    log.note(
      [
        {
          type: 'task.ended',
          runId: 'r1',
          taskId: 'app:build',
          status: 'success',
          attempt: 2,
          source: 'ran',
        },
        {
          type: 'task.ended',
          runId: 'r1',
          taskId: 'app:test',
          status: 'returned',
          attempt: null,
          source: null,
        },
        { type: 'run.ended', runId: 'r1', state: 'finished' },
      ],
      41_000,
    );
    const common = { level: 'info', session: 's1' };
    const why = { code: 'DTE_LEASE_EXPIRED', reason: 'Nothing was heard.' };
    expect(lines).toEqual([
      {
        ...common,
        msg: 'agent joined',
        agent: 'build 1/2',
        slots: 2,
        labels: ['linux'],
        jobUrl: 'https://gitlab.example.com/-/jobs/1',
      },
      { ...common, msg: 'run submitted', run: 'r1', tasks: 2, command: RUN.command },
      {
        ...common,
        ...why,
        msg: 'attempt lost or returned',
        run: 'r1',
        task: 'app:build',
        attempt: 1,
        agent: 'build 1/2',
      },
      { ...common, ...why, msg: 'agent left', agent: 'build 1/2', ms: 30_000 },
      {
        ...common,
        msg: 'run ended',
        run: 'r1',
        state: 'finished',
        ms: 40_000,
        tasks: { success: 1, returned: 1 },
      },
    ]);
  });

  it('logs every assignment and end of a task with the level debug', () => {
    const { log, lines } = recorded('debug');
    log.note(
      [
        JOINED,
        { type: 'task.assigned', ...at },
        {
          type: 'task.ended',
          runId: 'r1',
          taskId: 'app:build',
          status: 'success',
          attempt: 1,
          source: 'ran',
        },
      ],
      1,
    );
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['info', 'agent joined'],
      ['debug', 'task assigned'],
      ['debug', 'task ended'],
    ]);
  });

  it('follows earlier events without logging them, and counts them', () => {
    const { log, lines } = recorded();
    log.begin(RUN, 1_000);
    log.follow(
      [
        JOINED,
        SUBMITTED,
        {
          type: 'task.ended',
          runId: 'r1',
          taskId: 'app:build',
          status: 'failure',
          attempt: 1,
          source: 'ran',
        },
      ],
      1_000,
    );
    log.opened(7, 12);
    log.note([{ type: 'run.ended', runId: 'r1', state: 'cancelled' }], 2_000);
    expect(lines).toMatchObject([
      { msg: 'session restored from its journal', entries: 7, ms: 12 },
      { msg: 'run ended', state: 'cancelled', ms: 1_000, tasks: { failure: 1 } },
    ]);
  });

  it('logs when the journal has no space, and when it is written again', () => {
    const { log, lines } = recorded();
    log.journalDelayed(new DteError('DTE_DISK_FULL', 'No space left.'));
    log.journalWritten(3);
    expect(lines).toMatchObject([
      { level: 'warn', code: 'DTE_DISK_FULL' },
      { level: 'info', retries: 3 },
    ]);
  });
});
