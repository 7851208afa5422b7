import { type AgentWanted } from '@org/dte-protocol';
import { keyOf } from '../executor/ipc';
import { type Attempt } from './reconcile';

/**
 * Decides which of the attempts that are prepared may run their commands: at a time as many as the coordinator has given slots,
 * whichever they are. An attempt holds a slot until its command has ended and no other can change what is stored of it.
 */
export class Turns {
  private slots = 0;
  private ahead: ReadonlySet<string> = new Set();
  private recalled: ReadonlySet<string> = new Set();
  private readonly held = new Set<string>();
  /** In the order in which they asked. */
  private readonly asking = new Set<string>();
  /** Those that hold a slot or held one. */
  private readonly begun = new Set<string>();

  /**
   * @param attempts what this agent does
   * @param go tells an attempt that asked that it may run
   */
  constructor(
    private readonly attempts: ReadonlyMap<string, Attempt>,
    private readonly go: (key: string) => void,
  ) {}

  /** @param slots of this agent; null: as many as it has assignments */
  wanted({ assignments, ahead = [] }: AgentWanted, slots: number | null): void {
    this.ahead = new Set(ahead.map(keyOf));
    this.recalled = new Set(ahead.filter((ref) => ref.recalled === true).map(keyOf));
    this.slots = Math.min(assignments.length - ahead.length, slots ?? Infinity);
    this.next();
  }

  /** It waits for the slot of another attempt. */
  isAhead(key: string): boolean {
    return this.ahead.has(key);
  }

  /** Its command runs, or may have run. */
  hasBegun(key: string): boolean {
    return this.begun.has(key);
  }

  /** Takes a slot for an attempt that is about to be prepared, if one is free and nobody waits for it. */
  take(key: string): boolean {
    if (this.asking.size > 0 || !this.mayRun(key)) return false;
    this.hold(key);
    return true;
  }

  /** It is prepared. `go` is called when it may run, now or later. */
  ask(key: string): void {
    this.asking.add(key);
    this.next();
  }

  /** It is being stopped, and does not wait any more. */
  withdraw(key: string): void {
    this.asking.delete(key);
  }

  /** Its command has ended. */
  free(key: string): void {
    if (this.held.delete(key)) this.next();
  }

  /** Nothing of it runs any more. */
  over(key: string): void {
    this.begun.delete(key);
    this.asking.delete(key);
    this.free(key);
  }

  private next(): void {
    for (const key of this.asking) {
      if (this.recalled.has(key)) continue;
      // None passes another: one that must run alone would never be alone.
      if (!this.mayRun(key)) return;
      this.asking.delete(key);
      this.hold(key);
      this.go(key);
    }
  }

  private hold(key: string): void {
    this.held.add(key);
    this.begun.add(key);
  }

  private mayRun(key: string): boolean {
    if (this.recalled.has(key)) return false;
    if (this.held.size === 0) return this.slots > 0;
    const isAlone = (each: string): boolean => this.attempts.get(each)?.assignment.parallelism === false;
    return this.held.size < this.slots && ![key, ...this.held].some(isAlone);
  }
}
