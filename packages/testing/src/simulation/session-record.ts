import type { FinishedAttempt, RunOn, RunSpec, TaskSpec } from '@org/dte-protocol';
import type { Input, SchedulerState } from '@org/dte-scheduler';
import { type Deeds, deedKey } from './simulated-agent';

export type Agent = SchedulerState['agents'] extends Map<string, infer A> ? A : never;

type Submission = Extract<Input, { type: 'run.submit' }>;

export const edgesOf = ({ dependencies, continuousDependencies }: TaskSpec) => [
  ...dependencies,
  ...continuousDependencies,
];

export const entryOf = (runOn: readonly RunOn[], { labels }: Agent): RunOn | undefined =>
  runOn.find(({ label }) => labels.includes(label));

/** What an outside observer knows of a session: what was submitted, which agent got what, and how it ended. */
export class SessionRecord {
  readonly specs = new Map<string, RunSpec>();
  /** `run/task` -> status. */
  readonly ended = new Map<string, string>();
  /** With the task that identifies the attempt: for a batch its first. */
  readonly assigned = new Map<string, { attempt: number; agentId: string; called: string }>();
  /** `run/task#attempt` -> the same of all attempts. */
  private readonly attempts = new Map<string, { attempt: number; agentId: string; called: string }>();
  /** `run/task` -> where its last result was stored, as JSON. */
  readonly artifacts = new Map<string, string>();
  /** `run/task` that the history knows to be flaky. */
  readonly flaky = new Set<string>();
  /** Runs in which something failed. */
  readonly failed = new Set<string>();
  /** `run/server` that a task found dead. */
  readonly deadServers = new Set<string>();
  private readonly tasks = new Map<string, Map<string, TaskSpec>>();
  private readonly late = new Map<string, number>();

  constructor(private readonly deeds: Deeds) {}

  learn({ spec, flaky = [], lateMs = [] }: Submission): void {
    if (!this.specs.has(spec.runId)) {
      for (const id of flaky) this.flaky.add(`${spec.runId}/${id}`);
      spec.tasks.forEach(({ id }, index) => {
        const ms = lateMs[index] ?? null;
        if (ms !== null) this.late.set(`${spec.runId}/${id}`, ms);
      });
    }
    this.specs.set(spec.runId, spec);
    this.tasks.set(spec.runId, new Map(spec.tasks.map((task) => [task.id, task])));
  }

  task(runId: string, taskId: string): TaskSpec {
    return this.tasks.get(runId)!.get(taskId)!;
  }

  /** The rule's entry for the task on this agent; null: no rule applies, undefined: not on this agent. */
  entryFor(runId: string, taskId: string, agent: Agent): RunOn | null | undefined {
    const { placement } = this.task(runId, taskId);
    if (placement === undefined) return null;
    return entryOf(this.specs.get(runId)!.placements![placement]!.runOn, agent);
  }

  /** After how long the task may be started a second time; null: never. */
  lateMs(runId: string, taskId: string): number | null {
    return this.late.get(`${runId}/${taskId}`) ?? null;
  }

  noteAssigned(key: string, attempt: { attempt: number; agentId: string; called: string }): void {
    this.assigned.set(key, attempt);
    this.attempts.set(`${key}#${attempt.attempt}`, attempt);
  }

  /** The result of an attempt of a task, else of its last one; null for a task that its batch skipped. */
  deed(runId: string, taskId: string, attempt?: number | null): FinishedAttempt | null | undefined {
    const key = `${runId}/${taskId}`;
    const made =
      attempt === undefined || attempt === null
        ? this.assigned.get(key)
        : this.attempts.get(`${key}#${attempt}`);
    if (made === undefined) return undefined;
    const deed = this.deeds.results.get(deedKey(runId, made.called, made.attempt, made.agentId));
    if (deed?.kind === 'batch') return deed.members.find((member) => member.taskId === taskId)?.result;
    return deed?.kind === 'finished' ? deed : undefined;
  }

  areTogether(runId: string, a: string, b: string): boolean {
    const { batch } = this.task(runId, a);
    return batch !== undefined && batch === this.task(runId, b).batch;
  }

  /** Failed, skipped, or settled by the main job above a failed task; a server that was found dead, or never started. */
  isBroken(runId: string, taskId: string): boolean {
    const status = this.ended.get(`${runId}/${taskId}`);
    if (status === 'failure' || status === 'skipped') return true;
    if (this.deadServers.has(`${runId}/${taskId}`)) return true;
    const task = this.task(runId, taskId);
    const isPassedOn = task.initial.state === 'done' || task.initial.state === 'server';
    return isPassedOn && edgesOf(task).some(({ id }) => this.isBroken(runId, id));
  }

  /** The attempt did not run because the hash differs. */
  hasDrift(runId: string, taskId: string, attempt: number | null): boolean {
    return this.deed(runId, taskId, attempt)?.reason?.code === 'DTE_HASH_MISMATCH';
  }
}
