import type { Reason } from '@org/dte-protocol';

export interface Refusal {
  readonly name: string;
  readonly reason: Reason;
}

/** As many as `session.info` lists. */
const PER_SESSION = 100;
const SESSIONS = 1_000;

/**
 * Clients turned away at the door, per session. Whoever is refused has proven nothing, so what it can cause is
 * bounded: one entry for each name and code, a hundred for a session, and a thousand sessions that may not even exist.
 */
export class RefusalBook {
  private readonly sessions = new Map<string, Map<string, Refusal>>();

  /** True when this is news. */
  add(sessionId: string, refusal: Refusal): boolean {
    const known = this.sessions.get(sessionId) ?? new Map<string, Refusal>();
    const key = `${refusal.reason.code} ${refusal.name}`;
    if (known.has(key) || known.size >= PER_SESSION) return false;
    if (known.size === 0) this.makeRoom();
    known.set(key, refusal);
    this.sessions.set(sessionId, known);
    return true;
  }

  of(sessionId: string): Refusal[] {
    return [...(this.sessions.get(sessionId)?.values() ?? [])];
  }

  forget(sessionId: string): void {
    this.sessions.delete(sessionId);
  }

  private makeRoom(): void {
    const oldest = this.sessions.keys().next();
    if (this.sessions.size >= SESSIONS && oldest.done !== true) this.sessions.delete(oldest.value);
  }
}
