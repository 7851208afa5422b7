import { makeRoom } from './room';

const limits = { sessionsPerCoordinator: 4, sessionsPerProject: 2, mainLostMs: 1_000 };

/** @param sessions key -> since when it has not been used */
const room = (sessionId: string, sessions: Record<string, number | null>, nowMs = 10_000): string | null =>
  makeRoom({
    sessionId,
    limits,
    nowMs,
    taken: Object.keys(sessions),
    open: Object.entries(sessions).map(([id, unusedSinceMs]) => ({ id, unusedSinceMs })),
  });

describe('room for a session', () => {
  it('is there below the limits, whatever is in use', () => {
    expect(room('1-9', { '1-1': null, '2-1': null, '3-1': 0 })).toBeNull();
  });

  it('is made by the one that has not been used for longest', () => {
    expect(room('5-1', { '1-1': null, '2-1': 5_000, '3-1': 4_000, '4-1': null })).toBe('3-1');
  });

  it('is not made by one that somebody left a moment ago, and is there a moment later', () => {
    const sessions = { '1-1': null, '2-1': 9_001, '3-1': null, '4-1': null };
    expect(() => room('5-1', sessions)).toThrow(/DTE_MAX_SESSIONS/);
    expect(room('5-1', sessions, 10_001)).toBe('2-1');
  });

  it('of a project that has too many is made among its own, also where others have some to spare', () => {
    expect(room('1-9', { '1-1': null, '1-2-windows': 5_000, '2-1': 1 })).toBe('1-2-windows');
    expect(() => room('1-9', { '1-1': null, '1-2': null, '2-1': 1 })).toThrow(/DTE_MAX_PROJECT_SESSIONS/);
    expect(room('2-9', { '1-1': null, '1-2': null, '2-1': 1 })).toBeNull();
  });

  it('counts projects of different instances apart', () => {
    expect(room('i0000000b.1-9', { 'i0000000a.1-1': null, 'i0000000a.1-2': null })).toBeNull();
  });

  it('is wanted of those that come again', () => {
    try {
      room('5-1', { '1-1': null, '2-1': null, '3-1': null, '4-1': null });
      throw new Error('There was room.');
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'DTE_TOO_MANY', severity: 'retry' });
    }
  });
});
