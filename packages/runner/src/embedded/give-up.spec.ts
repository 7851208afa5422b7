import { addressOf, DteError, type ErrorCode, type RendezvousRecord } from '@org/dte-protocol';
import { MemoryRendezvous } from '@org/dte-testing';
import { StaticRendezvous } from '@org/dte-client';
import { giveUp, refuseIfGivenUp, speaksForMainJob } from './give-up';

const JOB = { jobId: '42', jobName: 'nx' };
const REASON = 'its main job works without agents: no processor time (DTE_COORDINATOR_SLOW)';

const record = (fields: Partial<RendezvousRecord> = {}): RendezvousRecord => ({
  version: 1,
  sessionId: 's',
  url: 'http://h:1',
  generation: 'g',
  expiresAtMs: 9e15,
  ...fields,
});

function world({ alive = false, job = JOB }: { alive?: boolean; job?: object } = {}) {
  const rendezvous = new MemoryRendezvous(() => 1_000);
  const giveUpNow = () =>
    giveUp({
      rendezvous,
      sessionId: 's',
      job,
      reason: REASON,
      limits: { finishedRecordMs: 5_000 },
      isAlive: () => Promise.resolve(alive),
      now: () => 1_000,
    });
  return { rendezvous, giveUpNow };
}

describe('a main job that works without agents', () => {
  it('publishes a record that agents are not needed, and why, when there was none', async () => {
    const { rendezvous, giveUpNow } = world();
    expect(await giveUpNow()).toBe(true);
    const found = await rendezvous.find('s');
    expect(found).toMatchObject({ state: 'finished', reason: REASON, expiresAtMs: 6_000, ...JOB });
    expect(() => addressOf(found)).toThrow(`session s is finished; ${REASON}`);
  });

  it.each([
    ['of a coordinator that is gone', record(JOB)],
    ['of an earlier try, whatever answers there', record({ ...JOB, jobId: '41' })],
    [
      'of an earlier try that had given up too',
      record({ ...JOB, jobId: '41', state: 'finished', reason: 'old' }),
    ],
  ])('overwrites a record %s', async (_, earlier) => {
    const { rendezvous, giveUpNow } = world();
    await rendezvous.publish(earlier);
    expect(await giveUpNow()).toBe(true);
    expect(await rendezvous.find('s')).toMatchObject({ state: 'finished', reason: REASON, ...JOB });
  });

  it('changes nothing if a coordinator answers, which may be that of another main job', async () => {
    const { rendezvous, giveUpNow } = world({ alive: true });
    await rendezvous.publish(record({ jobId: '7', jobName: 'other' }));
    expect(await giveUpNow()).toBe(false);
    expect(await rendezvous.find('s')).toMatchObject({ jobId: '7' });
  });

  it('publishes nothing if the address is configured by the user', async () => {
    const rendezvous = new StaticRendezvous('http://h:1');
    const told = giveUp({
      rendezvous,
      sessionId: 's',
      job: JOB,
      reason: REASON,
      limits: { finishedRecordMs: 5_000 },
      isAlive: () => Promise.resolve(false),
    });
    expect(await told).toBe(false);
  });

  it('starts no coordinator in a later command, because its agents have exited', async () => {
    const { rendezvous, giveUpNow } = world();
    await giveUpNow();
    const found = await rendezvous.find('s');
    expect(() => refuseIfGivenUp(found, JOB)).toThrow(REASON);
    expect(() => refuseIfGivenUp(found, { ...JOB, jobId: '43' })).not.toThrow();
  });

  it.each([
    ['nothing', null],
    ['a session that has ended as it should', record({ ...JOB, state: 'finished' })],
    ['a coordinator', record(JOB)],
  ])('continues with %s', (_, found) => {
    expect(() => refuseIfGivenUp(found, JOB)).not.toThrow();
  });

  it('tries again outside of CI, where tries cannot be distinguished', async () => {
    const { rendezvous, giveUpNow } = world({ job: {} });
    await giveUpNow();
    const found = await rendezvous.find('s');
    expect(() => refuseIfGivenUp(found, {})).not.toThrow();
  });
});

describe('an nx command that cannot be distributed', () => {
  const speaks = (
    code: ErrorCode,
    facts: { startFailed?: boolean; found?: RendezvousRecord; job?: object },
  ) =>
    speaksForMainJob({
      error: new DteError(code, 'no'),
      startFailed: facts.startFailed ?? false,
      record: facts.found ?? null,
      job: facts.job ?? JOB,
    });

  it.each<[string, ErrorCode, object]>([
    ['its coordinator was started and failed', 'DTE_NO_COORDINATOR', { startFailed: true }],
    ['its coordinator found no disk', 'DTE_DISK_FULL', { startFailed: true, job: {} }],
    ['another command of it waited too long for that', 'DTE_COORDINATOR_SLOW', {}],
    ['it has opened the session', 'DTE_INTERNAL', { found: record(JOB) }],
  ])('stops the agents when %s', (_, code, facts) => {
    expect(speaks(code, facts)).toBe(true);
  });

  it.each<[string, ErrorCode, object]>([
    ['in a job without credentials', 'DTE_SECRET_REQUIRED', { startFailed: true }],
    ['in a job with a rejected id token', 'DTE_ID_TOKEN_REFUSED', { startFailed: true }],
    ['in a job with a wrong option, of a session that it opened', 'DTE_BAD_CONFIG', { found: record(JOB) }],
    ['in a job that has started nothing', 'DTE_NO_COORDINATOR', {}],
    [
      'in a job beside the main job',
      'DTE_NO_COORDINATOR',
      { found: record({ jobId: '7', jobName: 'main' }) },
    ],
    ['outside of CI, where no record tells whose it is', 'DTE_INTERNAL', { found: record(), job: {} }],
  ])('leaves the agents to their main job %s', (_, code, facts) => {
    expect(speaks(code, facts)).toBe(false);
  });
});
