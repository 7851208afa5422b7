import { type ErrorCode, LIMITS, type Reason } from '@org/dte-protocol';
import { RefusedStrangers } from './refused-strangers';

export interface Refusal {
  /** Null: for all unauthenticated clients. */
  readonly name: string | null;
  readonly reason: Reason;
}

interface Page {
  readonly named: Map<string, Refusal>;
  readonly strangers: RefusedStrangers;
}

/**
 * Clients that were rejected, per session: authenticated members of the session by name, the others as a number, so
 * that many unauthenticated clients cannot hide one of them. Bounded by the limits `refusedNamed` and
 * `refusedSessions`.
 */
export class RefusalBook {
  private readonly sessions = new Map<string, Page>();

  /** True if this is new. */
  add(sessionId: string, refusal: Refusal & { readonly name: string }): boolean {
    const { named } = this.page(sessionId);
    const key = `${refusal.reason.code} ${refusal.name}`;
    if (named.has(key) || named.size >= LIMITS.refusedNamed.value) return false;
    named.set(key, refusal);
    return true;
  }

  /** @returns their number so far, if it is time to report it */
  addStranger(sessionId: string, code: ErrorCode, address: string, nowMs: number): Refusal | null {
    const message = this.page(sessionId).strangers.add(code, address, nowMs);
    return message === null ? null : { name: null, reason: { code, message } };
  }

  of(sessionId: string): Refusal[] {
    const page = this.sessions.get(sessionId);
    if (page === undefined) return [];
    const strangers = page.strangers
      .sentences()
      .map(([code, message]) => ({ name: null, reason: { code, message } }));
    return [...page.named.values(), ...strangers];
  }

  forget(sessionId: string): void {
    this.sessions.delete(sessionId);
  }

  private page(sessionId: string): Page {
    const known = this.sessions.get(sessionId);
    if (known !== undefined) return known;
    const oldest = this.sessions.keys().next();
    if (this.sessions.size >= LIMITS.refusedSessions.value && oldest.done !== true)
      this.sessions.delete(oldest.value);
    const page = { named: new Map<string, Refusal>(), strangers: new RefusedStrangers() };
    this.sessions.set(sessionId, page);
    return page;
  }
}
