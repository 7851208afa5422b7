import { type RendezvousReport, DteError } from '@org/dte-protocol';
import { type ConnectionState } from '@org/dte-client';
import { UnreachableWatch } from './unreachable';

const START_MS = 1_000_000;
const refused = new DteError(
  'DTE_NO_COORDINATOR',
  'The coordinator at https://10.0.0.5:4000 gave no answer.',
);

const connecting = (generation: string | null, sinceMs = START_MS): ConnectionState => ({
  name: 'connecting',
  lastError: refused,
  unreached: generation === null ? null : { generation, urls: ['https://10.0.0.5:4000'], sinceMs },
});
const open: ConnectionState = {
  name: 'open',
  url: 'u',
  httpUrl: 'u',
  token: 't',
  heartbeatMs: 1,
  leaseMs: 1,
};

let reports: { generation: string; report: RendezvousReport }[];
let said: DteError[];
let reporting: () => Promise<void>;
let watch: UnreachableWatch;

const createWatch = (isAddressGiven: boolean): UnreachableWatch =>
  new UnreachableWatch({
    limits: { unreachableMs: 20_000, rendezvousRequestMs: 10_000 },
    sessionId: '7-1',
    name: 'nx-agent 1/3',
    jobUrl: 'https://gitlab.example.com/-/jobs/9',
    rendezvous: {
      isAddressGiven,
      report: (_, generation, report) => {
        reports.push({ generation, report });
        return reporting();
      },
    },
    onUnreachable: (error) => said.push(error),
  });

beforeEach(() => {
  jest.useFakeTimers({ now: START_MS });
  reports = [];
  said = [];
  reporting = () => Promise.resolve();
  watch = createWatch(false);
});
afterEach(() => {
  watch.close();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

it('reports to the rendezvous and exits when no address has answered for long enough', async () => {
  watch.onConnection(connecting('g1'));
  await jest.advanceTimersByTimeAsync(12_000);
  watch.onConnection(connecting('g1'));
  await jest.advanceTimersByTimeAsync(7_999);
  expect(said).toEqual([]);
  await jest.advanceTimersByTimeAsync(1);
  expect(reports).toEqual([
    {
      generation: 'g1',
      report: {
        version: 1,
        name: 'nx-agent 1/3',
        jobUrl: 'https://gitlab.example.com/-/jobs/9',
        message: refused.message,
        atMs: START_MS + 20_000,
      },
    },
  ]);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatchObject({ code: 'DTE_UNREACHABLE' });
  expect(said[0]?.message).toContain('10.0.0.5:4000');
  expect(said[0]?.cure).toMatch(/dte coordinator.*DTE_COORDINATOR_URL.*docs\/[\w/-]+\.md/);
});

it('restarts the timeout at the address of another generation', async () => {
  watch.onConnection(connecting('g1'));
  await jest.advanceTimersByTimeAsync(19_000);
  watch.onConnection(connecting('g2', START_MS + 19_000));
  await jest.advanceTimersByTimeAsync(19_999);
  expect(said).toEqual([]);
  await jest.advanceTimersByTimeAsync(1);
  expect(reports.map(({ generation }) => generation)).toEqual(['g2']);
});

it('keeps waiting while there is no address', async () => {
  watch.onConnection(connecting('g1'));
  watch.onConnection(connecting(null));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(said).toEqual([]);
});

it('ends once the coordinator was reached, also if it is lost later', async () => {
  watch.onConnection(open);
  watch.onConnection(connecting('g1'));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(said).toEqual([]);
});

it('keeps waiting for an address that the user configured', async () => {
  watch = createWatch(true);
  watch.onConnection(connecting('static'));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(said).toEqual([]);
});

it.each([
  ['rejects', () => Promise.reject(new Error('403'))],
  ['does not answer', () => new Promise<void>(() => undefined)],
])('exits as well when the rendezvous %s the report', async (_, outcome) => {
  reporting = outcome;
  watch.onConnection(connecting('g1'));
  await jest.advanceTimersByTimeAsync(30_000);
  expect(said).toHaveLength(1);
});
