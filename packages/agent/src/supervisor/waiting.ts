import { type LimitValues, type DteError } from '@org/dte-protocol';
import { type ConnectionState } from '@org/dte-client';

export interface WaitingOptions {
  readonly limits: Pick<LimitValues, 'waitNoteMs' | 'agentIdleMs' | 'coordinatorGraceMs'>;
  readonly sessionId: string;
  /** The address is configured, and no main job publishes it. */
  readonly isAddressGiven: boolean;
  /** Does a task run, or prepare to? */
  readonly isWorking: () => boolean;
  readonly note: (line: string) => void;
  /** Default: Date.now. */
  readonly now?: (() => number) | undefined;
}

/** A shorter wait is not worth a line: a first look for the coordinator, a first task. Not configurable: `waitNoteMs` sets how often it is repeated. */
const FIRST_NOTE_MS = 2_000;

/** What an agent waits for. */
type Wait =
  /** No address is published. */
  | { readonly name: 'address' }
  /** An address is published. */
  | { readonly name: 'answer'; readonly at: string }
  /** It was connected before. */
  | { readonly name: 'return' }
  | { readonly name: 'tasks' }
  /** Nothing: it works. */
  | { readonly name: 'work' };

/** `45 s`, `3 min`, `1 h 5 min`. */
function span(ms: number): string {
  if (ms < 60_000) return `${ms / 1000} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Prints what an agent waits for, first after a short wait and then every `waitNoteMs`: a job that prints nothing looks
 * like one that hangs. Silent while a task runs, and between two tasks.
 */
export class WaitingNotes {
  private wait: Wait = { name: 'address' };
  private sinceMs: number;
  private timer: NodeJS.Timeout | undefined;
  private first: NodeJS.Timeout | undefined;
  private lastError: DteError | null = null;
  private everConnected = false;
  private connected = false;
  private over = false;

  constructor(private readonly options: WaitingOptions) {
    this.sinceMs = this.now();
    this.startTimers(true);
  }

  onConnection(state: ConnectionState): void {
    if (state.name === 'closed' || state.name === 'failed') return this.close();
    this.connected = state.name === 'open';
    this.everConnected ||= this.connected;
    if (state.name === 'connecting') {
      this.lastError = state.lastError;
      const at = state.unreached?.urls.join(', ');
      if (this.everConnected) this.enter({ name: 'return' });
      else this.enter(at === undefined ? { name: 'address' } : { name: 'answer', at });
    } else this.onChange();
  }

  /** The agent's work may have changed. */
  onChange(): void {
    if (this.connected) this.enter(this.options.isWorking() ? { name: 'work' } : { name: 'tasks' });
  }

  /** Releases the timer. */
  close(): void {
    this.over = true;
    clearInterval(this.timer);
    clearTimeout(this.first);
  }

  private enter(next: Wait): void {
    const before = this.wait;
    this.wait = next;
    if (this.over || before.name === next.name) return;
    this.sinceMs = this.now();
    clearInterval(this.timer);
    clearTimeout(this.first);
    // A lost connection is reported where it is detected; the next task may be a moment away.
    if (next.name !== 'work') this.startTimers(next.name !== 'return' && before.name !== 'work');
  }

  private startTimers(isNew: boolean): void {
    if (isNew) this.first = setTimeout(() => this.say(this.firstLine()), FIRST_NOTE_MS);
    this.timer = setInterval(() => this.remind(), this.options.limits.waitNoteMs);
  }

  private firstLine(): string {
    return `dte: session ${this.options.sessionId} · waiting for ${this.what()}`;
  }

  private remind(): void {
    const { limits } = this.options;
    const [limit, name] =
      this.wait.name === 'return'
        ? [limits.coordinatorGraceMs, 'DTE_COORDINATOR_GRACE_MS']
        : [limits.agentIdleMs, 'DTE_AGENT_IDLE_MS'];
    const how = `for ${span(this.now() - this.sinceMs)} now; leaves after ${span(limit)} (${name})`;
    this.say(`dte: waiting for ${this.what()}, ${how}${this.why()}`);
  }

  private what(): string {
    switch (this.wait.name) {
      case 'address':
        return this.options.isAddressGiven
          ? 'the coordinator (DTE_COORDINATOR_URL)'
          : 'its main job to start a coordinator';
      case 'answer':
        return `the coordinator at ${this.wait.at} to answer`;
      case 'return':
        return 'the coordinator to come back';
      case 'tasks':
      case 'work':
        return 'tasks of an nx command of the main job';
    }
  }

  /** The result of the last try, if it is more than "not yet". */
  private why(): string {
    if (this.connected || this.lastError === null) return '';
    const { code, message } = this.lastError;
    if (this.wait.name === 'address' && code === 'DTE_NO_COORDINATOR') return '';
    return `; last error: ${message}`;
  }

  private say(line: string): void {
    if (!this.over) this.options.note(line);
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}
