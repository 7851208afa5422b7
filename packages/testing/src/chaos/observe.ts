import type { JournalEntry } from '../workspace';

/** A result that the coordinator accepted, as its log says. */
export interface Accepted {
  readonly run: string;
  readonly task: string;
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

interface LogLine {
  readonly msg?: string;
  readonly run?: string;
  readonly task?: string;
  readonly status?: string;
  readonly agent?: string;
  readonly time?: string;
}

/** What a coordinator writes when it has noticed that something is wrong with an agent. */
const NOTICES = new Set(['agent disconnected; it may reconnect', 'agent left', 'attempt lost or returned']);

const parse = (line: string): LogLine | null => {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null; // half of a line: it is being written, or its disk is full
  }
};

/** @param log what coordinators wrote with the level `debug` */
export const acceptedIn = (log: string): Accepted[] =>
  log.split('\n').flatMap((line) => {
    const found = line.includes('"task ended"') ? parse(line) : null;
    const { msg, run, task, status = '', time = '' } = found ?? {};
    if (msg !== 'task ended' || run === undefined || task === undefined) return [];
    return [{ run, task, status, atMs: Date.parse(time) }];
  });

/** From a fault at an agent to what a coordinator wrote about it first, ms; null when it wrote nothing. */
export function noticedAfterMs(log: string, agent: string, atMs: number): number | null {
  for (const line of log.split('\n')) {
    const found = line.includes(`"${agent}"`) ? parse(line) : null;
    if (found?.agent !== agent || !NOTICES.has(found.msg ?? '')) continue;
    const afterMs = Date.parse(found.time ?? '') - atMs;
    if (afterMs >= 0) return afterMs;
  }
  return null;
}

/** Tasks whose result was accepted more than once, and how often. */
export function acceptedTwice(accepted: readonly Accepted[]): string[] {
  const counts = new Map<string, number>();
  for (const { run, task } of accepted) {
    const key = `${task} (run ${run})`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([key, count]) => `${key}: ${count} times`);
}

/** The last entry of each process of a task: what has started and not ended. */
export function runningTasks(journal: readonly JournalEntry[]): JournalEntry[] {
  const open = new Map<string, JournalEntry>();
  for (const entry of journal) {
    const key = `${entry.machine} ${entry.pid} ${entry.id}`;
    if (entry.what === 'start') open.set(key, entry);
    else open.delete(key);
  }
  return [...open.values()];
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0;
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
