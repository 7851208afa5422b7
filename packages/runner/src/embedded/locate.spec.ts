import { DteError, type RendezvousRecord } from '@org/dte-protocol';
import { MemoryRendezvous } from '@org/dte-testing';
import { locateOrStart } from './locate';

const record = (url: string): RendezvousRecord => ({
  version: 1,
  sessionId: 's',
  url,
  generation: url,
  expiresAtMs: 9e15,
});

function machine() {
  const rendezvous = new MemoryRendezvous(Date.now);
  const alive = new Set<string>();
  let locked = false;
  let started = 0;
  const start = async (): Promise<void> => {
    started += 1;
    const url = `http://h:${started}`;
    alive.add(url);
    await rendezvous.publish(record(url));
  };
  const locate = (overrides: object = {}) =>
    locateOrStart({
      rendezvous,
      sessionId: 's',
      timeoutMs: 60_000,
      pollMs: 1,
      noteMs: 60,
      onSlow: () => undefined,
      isAlive: ({ url }) => Promise.resolve(alive.has(url)),
      isEarlierTry: ({ jobId }) => jobId === 'earlier',
      tryLock: () => {
        if (locked) return null;
        locked = true;
        return () => void (locked = false);
      },
      start,
      ...overrides,
    });
  return { rendezvous, alive, locate, started: () => started, isLocked: () => locked };
}

describe('locateOrStart', () => {
  it('uses an existing coordinator', async () => {
    const { rendezvous, alive, locate, started } = machine();
    await rendezvous.publish(record('http://there:1'));
    alive.add('http://there:1');
    expect(await locate()).toMatchObject({ record: { url: 'http://there:1' }, started: false });
    expect(started()).toBe(0);
  });

  it('starts one when there is none, and when the published one does not answer', async () => {
    const { rendezvous, locate, started, isLocked } = machine();
    await rendezvous.publish(record('http://dead:1'));
    expect(await locate()).toMatchObject({ record: { url: 'http://h:1' }, started: true });
    expect([started(), isLocked()]).toEqual([1, false]);
  });

  it('starts one for a finished session, whatever answers at its old address, and reports whose it was', async () => {
    const { rendezvous, alive, locate, started } = machine();
    await rendezvous.publish(record('http://left:1'));
    await rendezvous.finish('s', 'http://left:1', 9e15);
    alive.add('http://left:1');
    const { record: found, previous, ...rest } = await locate();
    expect([found.url, found.state, previous?.state, rest.started]).toEqual([
      'http://h:1',
      undefined,
      'finished',
      true,
    ]);
    expect(started()).toBe(1);
  });

  it('does not use the coordinator of an earlier try of this job, even if it answers, and reports whose it was', async () => {
    const { rendezvous, alive, locate, started } = machine();
    await rendezvous.publish({ ...record('http://earlier:1'), jobId: 'earlier' });
    alive.add('http://earlier:1');
    const { record: found, previous } = await locate();
    expect([found.url, previous?.jobId, started()]).toEqual(['http://h:1', 'earlier', 1]);
  });

  it('starts only one for many commands at the same time', async () => {
    const { locate, started } = machine();
    const found = await Promise.all(Array.from({ length: 5 }, () => locate()));
    expect(new Set(found.map(({ record: { url } }) => url))).toEqual(new Set(['http://h:1']));
    expect(started()).toBe(1);
    expect(found.filter((located) => located.started)).toHaveLength(1);
  });

  it('releases the lock and returns the reason when starting fails', async () => {
    const { locate, isLocked } = machine();
    await expect(locate({ start: () => Promise.reject(new Error('no port')) })).rejects.toThrow('no port');
    expect(isLocked()).toBe(false);
  });

  it('waits for another process for a limited time, and prints that it waits', async () => {
    const { locate } = machine();
    const notes: number[] = [];
    const waiting = locate({
      // Several times what the two notes need, so that a machine that stalls for a moment prints them as well.
      timeoutMs: 1_000,
      tryLock: () => null,
      onSlow: (elapsedMs: number) => void notes.push(elapsedMs),
    });
    await expect(waiting).rejects.toMatchObject({ code: 'DTE_COORDINATOR_SLOW' });
    expect(notes.slice(0, 2)).toEqual([60, 120]);
  });

  it('trusts a coordinator that reports it is ready, even if this machine is too busy to ask it again', async () => {
    const { locate, started } = machine();
    const found = await locate({ isAlive: () => Promise.resolve(false) });
    expect(found).toMatchObject({ record: { url: 'http://h:1' }, started: true });
    expect(started()).toBe(1);
  });

  it('starts nothing if starting is not allowed, and reports why', async () => {
    const { rendezvous, locate, started } = machine();
    await rendezvous.publish(record('http://left:1'));
    const check = (found: RendezvousRecord | null): void => {
      throw new DteError('DTE_GIVEN_UP', `told by ${String(found?.url)}`);
    };
    await expect(locate({ check })).rejects.toThrow('told by http://left:1');
    expect(started()).toBe(0);
  });

  it('starts nothing when another command of the job, for which it waited, has failed to start one and notified the agents', async () => {
    const { rendezvous, locate, started } = machine();
    const check = (found: RendezvousRecord | null): void => {
      if (found?.state === 'finished') throw new DteError('DTE_GIVEN_UP', 'told to leave');
    };
    let isTold = false;
    let isReleased = false;
    const tryLock = (): (() => void) | null => {
      if (isTold) return () => void (isReleased = true);
      const told = { ...record('http://none:1'), state: 'finished' as const };
      void rendezvous.publish(told).then(() => (isTold = true));
      return null;
    };
    const waiting = locate({ check, tryLock });
    await expect(waiting).rejects.toMatchObject({ code: 'DTE_GIVEN_UP' });
    expect([started(), isReleased]).toEqual([0, true]);
  });

  it('uses the coordinator that holds the data folder if it was only slow to answer, else reports which process holds it', async () => {
    const { rendezvous, alive, locate } = machine();
    await rendezvous.publish(record('http://slow:1'));
    const inUse = new DteError('DTE_DATA_FOLDER_IN_USE', 'process 1 has it');
    await expect(locate({ start: () => Promise.reject(inUse) })).rejects.toBe(inUse);
    const start = (): Promise<void> => {
      alive.add('http://slow:1');
      return Promise.reject(inUse);
    };
    expect(await locate({ start })).toMatchObject({ record: { url: 'http://slow:1' }, started: false });
  });
});
