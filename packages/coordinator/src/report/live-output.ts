import type { AgentOutput } from '@org/dte-protocol';

interface Running {
  readonly attempt: number;
  text: string;
  /** Where `text` ends, in the attempt's output. */
  end: number;
  over: boolean;
}

export interface LiveOutputLimits {
  readonly liveOutputBytes: number;
  readonly liveOutputTotalBytes: number;
}

/** Reads what a task prints. */
type Listener = (text: string | null) => void;

/** The end of what each running task has printed, for people who look at it. Kept in memory only, because its artifact has all of it. */
export class LiveOutput {
  /** In the order of their last output. */
  private readonly running = new Map<string, Running>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private chars = 0;

  constructor(private readonly limits: LiveOutputLimits) {}

  take({ runId, taskId, attempt, offset, data, last }: AgentOutput): void {
    const key = keyOf(runId, taskId);
    const known = this.running.get(key);
    if (known !== undefined && known.attempt > attempt) return;
    const isSame = known?.attempt === attempt;
    // A piece that was sent again.
    if (isSame && offset + data.length <= known.end && last !== true) return;
    const fresh = isSame ? data.slice(Math.max(0, known.end - offset)) : data;
    const kept = `${isSame ? known.text : ''}${fresh}`.slice(-this.limits.liveOutputBytes);
    this.put(key, { attempt, text: kept, end: offset + data.length, over: last === true });
    for (const listener of this.listeners.get(key) ?? []) {
      if (fresh !== '') listener(fresh);
      if (last === true) listener(null);
    }
  }

  /** The task has ended: nobody asks for its live output any more. */
  ended(runId: string, taskId: string): void {
    const key = keyOf(runId, taskId);
    this.drop(key);
    for (const listener of this.listeners.get(key) ?? []) listener(null);
  }

  /**
   * Calls the listener with what is known, and then with every piece; with null when nothing will follow.
   * @returns ends it
   */
  follow(runId: string, taskId: string, listener: Listener): () => void {
    const key = keyOf(runId, taskId);
    const known = this.running.get(key);
    if (known !== undefined && known.text !== '') listener(known.text);
    if (known?.over === true) listener(null);
    const listeners = this.listeners.get(key) ?? new Set();
    listeners.add(listener);
    this.listeners.set(key, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(key) === listeners) this.listeners.delete(key);
    };
  }

  /** Nothing follows for anybody. */
  close(): void {
    for (const listeners of [...this.listeners.values()]) for (const each of [...listeners]) each(null);
    this.listeners.clear();
    this.running.clear();
    this.chars = 0;
  }

  private put(key: string, running: Running): void {
    this.drop(key);
    this.running.set(key, running);
    this.chars += running.text.length;
    for (const oldest of this.running.keys()) {
      if (this.chars <= this.limits.liveOutputTotalBytes) return;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    this.chars -= this.running.get(key)?.text.length ?? 0;
    this.running.delete(key);
  }
}

const keyOf = (runId: string, taskId: string): string => `${runId} ${taskId}`;
