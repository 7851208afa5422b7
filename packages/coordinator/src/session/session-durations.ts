import type { RunSpec } from '@org/dte-protocol';
import type { Effects, HistoryEvent, Input } from '@org/dte-scheduler';
import type { Logger } from 'pino';
import {
  agentClassOf,
  type Duration,
  type DurationEstimates,
  type DurationHistory,
  type Estimate,
  ESTIMATE_SOURCES,
  type Need,
  type TaskKind,
} from '../history/durations';

export interface SessionDurationsOptions {
  readonly history: DurationHistory;
  /** The result of `projectOf` for the session. */
  readonly project: string;
  readonly now: () => number;
  readonly logger: Logger;
}

type Task = RunSpec['tasks'][number];
/** The parts of a submission that earlier runs tell. */
type Learnt = Pick<Extract<Input, { type: 'run.submit' }>, 'learntMs' | 'lateMs' | 'needs'>;
type Measured = Extract<HistoryEvent, { type: 'task.measured' }>;

/** An agent, as far as an estimate depends on it. */
interface Machine {
  readonly labels?: readonly string[] | undefined;
  readonly connected: boolean;
}

/** What Nx remembers of the task itself is better than what others with the same target took. */
const BETTER_THAN_NX = ESTIMATE_SOURCES.slice(0, ESTIMATE_SOURCES.indexOf('target'));

/** A session's part of its project's history of durations. If it cannot be read or written, nothing else is affected. */
export class SessionDurations {
  /**
   * What the tasks of open runs are; the scheduler knows only their ids. A run that was restored from a snapshot is not in it, and
   * its results are not learnt.
   */
  private readonly runs = new Map<string, ReadonlyMap<string, TaskKind>>();

  constructor(private readonly options: SessionDurationsOptions) {}

  /** Call this before the input of its submission is applied. */
  begin({ runId, tasks }: RunSpec): void {
    const pending = tasks.filter(({ initial }) => initial.state === 'pending');
    this.runs.set(runId, new Map(pending.map(({ id, nxTask }) => [id, kindOf(nxTask)])));
  }

  /**
   * What earlier runs tell of each task of the run, in its order. `learntMs`: how long it will take, as far as they tell more than
   * the run itself does; `lateMs`: when it takes longer than usual; `needs`: what it takes of a machine. Each is left out if they tell
   * nothing.
   */
  async learnt(spec: RunSpec, agents: readonly Machine[]): Promise<Learnt> {
    const known = await this.estimates();
    if (known === null || known.results === 0) return {};
    const classOf = classesOf(spec, agents);
    const estimates = spec.tasks.map((task) =>
      task.initial.state === 'pending' ? known.of(kindOf(task.nxTask), classOf(task)) : null,
    );
    const learntMs = spec.tasks.map(({ weightFrom }, index) => {
      const estimate = estimates[index] ?? null;
      if (estimate === null || weightFrom === 'option') return null;
      return weightFrom === 'nx' && !BETTER_THAN_NX.includes(estimate.source) ? null : estimate.ms;
    });
    const lateMs = spec.tasks.map(({ secondStart }, index) =>
      secondStart === true ? (estimates[index]?.lateMs ?? null) : null,
    );
    const needs = estimates.map((estimate) => (estimate === null ? null : knownNeed(estimate)));
    const isKnown = (value: unknown): boolean => value !== null;
    return {
      ...(learntMs.some(isKnown) ? { learntMs } : {}),
      ...(lateMs.some(isKnown) ? { lateMs } : {}),
      ...(needs.some(isKnown) ? { needs } : {}),
    };
  }

  /** Stores what agents have measured. Not for replayed inputs, whose durations were stored the first time. */
  note(effects: readonly Effects[]): void {
    const { history, project, now } = this.options;
    const atMs = now();
    const events = effects.flatMap((each) => each.events);
    const durations = events.flatMap((event) =>
      event.type === 'task.measured' ? (this.durationOf(event, atMs) ?? []) : [],
    );
    this.ended(events);
    if (durations.length === 0) return;
    history.note(project, durations).catch((thrown: unknown) => this.warn(thrown));
  }

  /** Forgets runs that are over; all there is to do for replayed inputs. */
  ended(events: readonly HistoryEvent[]): void {
    for (const event of events) if (event.type === 'run.ended') this.runs.delete(event.runId);
  }

  private durationOf({ runId, taskId, labels, ...took }: Measured, atMs: number): Duration | null {
    const kind = this.runs.get(runId)?.get(taskId);
    if (kind === undefined) return null;
    const { runMs, cpuMs, peakMemoryBytes: peakBytes, outputBytes } = took;
    return { ...kind, agentClass: agentClassOf(labels), runMs, cpuMs, peakBytes, outputBytes, atMs };
  }

  private async estimates(): Promise<DurationEstimates | null> {
    const { history, project, now } = this.options;
    try {
      return await history.estimates(project, now());
    } catch (thrown) {
      this.warn(thrown);
      return null;
    }
  }

  private warn(thrown: unknown): void {
    this.options.logger.warn({ err: thrown, project: this.options.project }, 'the history of durations');
  }
}

/** Null saves a line of the journal for each task. */
const knownNeed = ({ need }: Estimate): Need | null =>
  need.cpus === null && need.memoryBytes === null ? null : need;

const kindOf = ({ target: { project, target, configuration } }: Task['nxTask']): TaskKind => ({
  project,
  target,
  configuration: configuration ?? null,
});

/** The kind of agent that will run a task, if all that may are of one kind; else null. */
function classesOf(
  { placements = [] }: RunSpec,
  agents: readonly Machine[],
): (task: Pick<Task, 'placement'>) => string | null {
  const machines = agents.filter(({ connected }) => connected).map(({ labels = [] }) => labels);
  const onlyOf = (some: readonly (readonly string[])[]): string | null => {
    const [first, ...others] = new Set(some.map(agentClassOf));
    return first === undefined || others.length > 0 ? null : first;
  };
  const anywhere = onlyOf(machines);
  const placed = placements.map(({ runOn }) =>
    onlyOf(machines.filter((labels) => runOn.some(({ label }) => labels.includes(label)))),
  );
  return ({ placement }) => (placement === undefined ? anywhere : (placed[placement] ?? null));
}
