import { type Assignment, type AttemptResult, LIMITS } from '@org/dte-protocol';
import { keyOf } from '../executor/ipc';
import { type Attempt, type AttemptState } from './reconcile';

/** The slot of an attempt, and since when it has it. */
interface Begun {
  readonly ms: number;
  readonly slot: number;
  isFreed: boolean;
}

/** The attempts of an agent by key, with the state of each. */
export class AttemptTable {
  private readonly attempts = new Map<string, Attempt>();
  /** Results of attempts that the coordinator no longer lists, in case it lists one of them again after a restart. */
  private readonly remembered = new Map<string, AttemptResult>();
  private readonly begun = new Map<string, Begun>();
  /** When each was received, in milliseconds since the epoch. */
  private readonly received = new Map<string, number>();

  get all(): ReadonlyMap<string, Attempt> {
    return this.attempts;
  }

  /** Number of attempts that are not completed. */
  get active(): number {
    return [...this.attempts.values()].filter(({ state }) => state.name !== 'completed').length;
  }

  get(key: string): Attempt | undefined {
    return this.attempts.get(key);
  }

  /** Keys of the attempts in a state. */
  in(name: AttemptState['name']): string[] {
    return [...this.attempts].flatMap(([key, { state }]) => (state.name === name ? [key] : []));
  }

  isRunBy(key: string, executorId: number): boolean {
    const state = this.attempts.get(key)?.state;
    return state?.name === 'running' && state.executorId === executorId;
  }

  /** A new one waits, unless its result is remembered. */
  receive(assignment: Assignment): void {
    const result = this.remembered.get(keyOf(assignment));
    const state: AttemptState = result === undefined ? { name: 'waiting' } : { name: 'completed', result };
    this.attempts.set(keyOf(assignment), { assignment, state });
    this.received.set(keyOf(assignment), Date.now());
  }

  receivedMs(key: string): number {
    return this.received.get(key) ?? Date.now();
  }

  /** One that is returned immediately. */
  refuse(assignment: Assignment, result: AttemptResult): void {
    this.attempts.set(keyOf(assignment), { assignment, state: { name: 'completed', result } });
  }

  set(key: string, state: AttemptState): void {
    const attempt = this.attempts.get(key);
    if (attempt !== undefined) this.attempts.set(key, { ...attempt, state });
  }

  /** An executor has it now. */
  begin(key: string, executorId: number): void {
    this.set(key, { name: 'running', executorId, startMs: null });
  }

  /** It may run. Returns its slot, for people: executors are replaced, slots stay. Null: it has had one already. */
  takeSlot(key: string): number | null {
    if (this.begun.has(key)) return null;
    const used = new Set([...this.begun.values()].flatMap(({ slot, isFreed }) => (isFreed ? [] : [slot])));
    let slot = 1;
    while (used.has(slot)) slot++;
    this.begun.set(key, { ms: Date.now(), slot, isFreed: false });
    return slot;
  }

  /** Its command has ended: another may have its slot. */
  freeSlot(key: string): void {
    const begun = this.begun.get(key);
    if (begun !== undefined) begun.isFreed = true;
  }

  /** Releases its slot. Returns how long it had it, in ms; null: it had none. */
  end(key: string): number | null {
    const begun = this.begun.get(key);
    this.begun.delete(key);
    return begun === undefined ? null : Date.now() - begun.ms;
  }

  /** Removes it and remembers its result. Returns its last state. */
  forget(key: string): Attempt | undefined {
    const attempt = this.attempts.get(key);
    this.attempts.delete(key);
    this.begun.delete(key);
    this.received.delete(key);
    if (attempt?.state.name === 'completed') this.remember(key, attempt.state.result);
    return attempt;
  }

  private remember(key: string, result: AttemptResult): void {
    this.remembered.set(key, result);
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined && this.remembered.size > LIMITS.rememberedResults.value)
      this.remembered.delete(oldest);
  }
}
