import type { Assignment, Capacity } from '@org/dte-protocol';

/** One attempt that an agent is to make; exists exactly while a task of it is `leased`. */
export interface Lease {
  runId: string;
  /** The task that identifies it; the first task of a batch. */
  index: number;
  /** Its tasks that have not ended, in order; several if it is a batch. */
  open: Set<number>;
  agentId: string;
  attempt: number;
  /** Moved by every sync that lists the attempt. The deadline heap detects this when the old deadline comes up. */
  untilMs: number;
  sinceMs: number;
  /** Number of its agent's slots that it takes. */
  cost: number;
  /** While it runs, its agent runs at most this many tasks; null: no additional limit. */
  cap: number | null;
  /**
   * `slot`: it takes slots of its agent. `ahead`: its agent prepares it, and it takes the next slot that becomes free. `recalled`: the
   * same, and its agent is asked to return it unless it has started it.
   */
  place: 'slot' | 'ahead' | 'recalled';
  /** Since when it takes a slot, or is known to run; null: it waits for a slot. */
  runsSinceMs: number | null;
  /** What it takes of an agent that packs. */
  need: Capacity;
  /** The `started` entry is in the log. */
  started: boolean;
  /** It was assigned while another attempt of its task ran: see `rivals.ts`. */
  readonly second: boolean;
  /** When it has run for so long that its task may be started a second time; null: not before that, or never. */
  lateAtMs: number | null;
  assignment: Assignment;
  /** Upper estimate of the assignment's share of a frame. */
  bytes: number;
}
