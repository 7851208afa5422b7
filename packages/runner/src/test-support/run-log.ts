import type { EndedEntry, FinishedAttempt, SessionInfo } from '@org/dte-protocol';

type SessionAgent = SessionInfo['agents'][number];

/** An agent `a` that is connected and does nothing. */
export const sessionAgent = (fields: Partial<SessionAgent> = {}): SessionAgent => ({
  agentId: 'a',
  name: 'a',
  jobUrl: null,
  slots: null,
  connected: true,
  draining: false,
  running: [],
  finished: 0,
  ...fields,
});

/** An attempt that ended well. */
export const finishedAttempt = (fields: Partial<FinishedAttempt> = {}): FinishedAttempt => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: '42',
  artifact: { kind: 'cache', hash: '42' },
  startMs: 0,
  endMs: 10,
  reason: null,
  hashDetails: null,
  ...fields,
});

/** An entry of a run's log: the task `t:<seq>` has succeeded, without an agent. */
export const endedEntry = (seq: number, fields: Partial<EndedEntry> = {}): EndedEntry => ({
  seq,
  type: 'ended',
  taskId: `t:${seq}`,
  status: 'success',
  attempt: null,
  agent: null,
  result: null,
  reason: null,
  ...fields,
});
