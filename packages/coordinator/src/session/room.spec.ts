import { makeRoom } from './room';

const limits = { sessionsPerCoordinator: 4, sessionsPerProject: 2, mainLostMs: 1_000 };

/** @param sessions key -> since when it is unused */
const room = (sessionId: string, sessions: Record<string, number | null>, nowMs = 10_000): string | null =>
  makeRoom({
    sessionId,
    limits,
    nowMs,
    taken: Object.keys(sessions),
    open: Object.entries(sessions).map(([id, unusedSinceMs]) => ({ id, unusedSinceMs })),
  });

describe('room for a session', () => {
  it('is available below the limits, whatever is in use', () => {
    expect(room('1-9', { '1-1': null, '2-1': null, '3-1': 0 })).toBeNull();
  });

  it('comes from the session that has been unused for longest', () => {
    expect(room('5-1', { '1-1': null, '2-1': 5_000, '3-1': 4_000, '4-1': null })).toBe('3-1');
  });

  it('does not come from a session that was left a moment ago, but from one left earlier', () => {
    const sessions = { '1-1': null, '2-1': 9_001, '3-1': null, '4-1': null };
    expect(() => room('5-1', sessions)).toThrow(/DTE_MAX_SESSIONS/);
    expect(room('5-1', sessions, 10_001)).toBe('2-1');
  });

  it('for a project with too many comes from its own sessions, even if others have unused ones', () => {
    expect(room('1-9', { '1-1': null, '1-2-windows': 5_000, '2-1': 1 })).toBe('1-2-windows');
    expect(() => room('1-9', { '1-1': null, '1-2': null, '2-1': 1 })).toThrow(/DTE_MAX_PROJECT_SESSIONS/);
    expect(room('2-9', { '1-1': null, '1-2': null, '2-1': 1 })).toBeNull();
  });

  it('is counted separately for projects of different instances', () => {
    expect(room('i0000000b.1-9', { 'i0000000a.1-1': null, 'i0000000a.1-2': null })).toBeNull();
  });

  it('is refused with a request to retry', () => {
    try {
      room('5-1', { '1-1': null, '2-1': null, '3-1': null, '4-1': null });
      throw new Error('There was room.');
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'DTE_TOO_MANY', severity: 'retry' });
    }
  });
});
