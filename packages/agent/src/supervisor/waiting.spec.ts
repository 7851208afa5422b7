import { DteError } from '@org/dte-protocol';
import { type ConnectionState } from '@org/dte-client';
import { WaitingNotes } from './waiting';

const MINUTE = 60_000;
/** Minimum duration of a reported wait. */
const SOON = 2_000;
const open: ConnectionState = {
  name: 'open',
  url: 'u',
  httpUrl: 'u',
  token: 't',
  heartbeatMs: 1,
  leaseMs: 1,
};
const connecting = (
  message = 'No coordinator has published its address yet.',
  at?: string,
): ConnectionState => ({
  name: 'connecting',
  lastError: new DteError('DTE_NO_COORDINATOR', message),
  unreached: at === undefined ? null : { generation: 'g', urls: [at], sinceMs: 0 },
});

let said: string[];
let working: boolean;
let notes: WaitingNotes;

const begin = (isAddressGiven = false): void => {
  notes = new WaitingNotes({
    limits: { waitNoteMs: MINUTE, agentIdleMs: 30 * MINUTE, coordinatorGraceMs: MINUTE / 2 },
    sessionId: '7-1',
    isAddressGiven,
    isWorking: () => working,
    note: (line) => said.push(line),
  });
};
/** New lines since the last call. */
const news = (): string[] => said.splice(0);

beforeEach(() => {
  jest.useFakeTimers();
  said = [];
  working = false;
});
afterEach(() => {
  notes.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

it('prints what an agent waits for as soon as it waits, and once a minute for how long', () => {
  begin();
  jest.advanceTimersByTime(SOON - 1);
  expect(news()).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(news()).toEqual(['dte: session 7-1 · waiting for its main job to start a coordinator']);
  for (let s = 0; s < 57; s++) {
    jest.advanceTimersByTime(1_000);
    notes.onConnection(connecting());
  }
  expect(news()).toEqual([]);
  jest.advanceTimersByTime(2 * MINUTE);
  const line = 'dte: waiting for its main job to start a coordinator';
  expect(news()).toEqual([
    `${line}, for 1 min now; leaves after 30 min (DTE_AGENT_IDLE_MS)`,
    `${line}, for 2 min now; leaves after 30 min (DTE_AGENT_IDLE_MS)`,
  ]);
});

it('reports an address that does not answer yet, and the result of the last try', () => {
  begin();
  notes.onConnection(connecting('connection refused', 'https://10.0.0.5:4000'));
  jest.advanceTimersByTime(SOON / 2);
  notes.onConnection(connecting('connection refused', 'https://10.0.0.5:4000'));
  jest.advanceTimersByTime(SOON / 2);
  expect(news()).toEqual([
    'dte: session 7-1 · waiting for the coordinator at https://10.0.0.5:4000 to answer',
  ]);
  jest.advanceTimersByTime(MINUTE - SOON);
  expect(news()).toEqual([
    'dte: waiting for the coordinator at https://10.0.0.5:4000 to answer, for 1 min now; leaves after 30 min (DTE_AGENT_IDLE_MS); last error: connection refused',
  ]);
});

it('names the address that the user configured as what it waits for', () => {
  begin(true);
  jest.advanceTimersByTime(SOON);
  expect(news()).toEqual(['dte: session 7-1 · waiting for the coordinator (DTE_COORDINATOR_URL)']);
});

it('prints what a connected agent waits for, and nothing while a task runs or between two tasks', () => {
  begin();
  notes.onConnection(open);
  jest.advanceTimersByTime(SOON);
  expect(news()).toEqual(['dte: session 7-1 · waiting for tasks of an nx command of the main job']);
  jest.advanceTimersByTime(MINUTE - SOON);
  expect(news()).toEqual([
    'dte: waiting for tasks of an nx command of the main job, for 1 min now; leaves after 30 min (DTE_AGENT_IDLE_MS)',
  ]);
  working = true;
  notes.onChange();
  jest.advanceTimersByTime(20 * MINUTE);
  working = false;
  notes.onChange();
  jest.advanceTimersByTime(MINUTE - 1);
  working = true;
  notes.onChange();
  jest.advanceTimersByTime(MINUTE);
  expect(news()).toEqual([]);
  working = false;
  notes.onChange();
  notes.onChange();
  jest.advanceTimersByTime(MINUTE);
  expect(news()).toHaveLength(1);
});

it('prints nothing more about a wait that is over, and counts from zero when a coordinator is lost', () => {
  begin();
  notes.onConnection(open);
  jest.advanceTimersByTime(MINUTE / 2);
  news();
  notes.onConnection(connecting('closed'));
  notes.onConnection(connecting('refused'));
  jest.advanceTimersByTime(MINUTE - 1);
  expect(news()).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(news()).toEqual([
    'dte: waiting for the coordinator to come back, for 1 min now; leaves after 30 s (DTE_COORDINATOR_GRACE_MS); last error: refused',
  ]);
  notes.onConnection({ name: 'closed' });
  jest.advanceTimersByTime(10 * MINUTE);
  expect(news()).toEqual([]);
});

it('prints nothing for an agent that has work at once, or exits at once', () => {
  begin();
  notes.onConnection(open);
  working = true;
  notes.onChange();
  jest.advanceTimersByTime(10 * MINUTE);
  notes.close();
  begin();
  notes.close();
  jest.advanceTimersByTime(10 * MINUTE);
  expect(news()).toEqual([]);
});
