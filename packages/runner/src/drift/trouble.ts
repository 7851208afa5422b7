import type { NxTask } from '@org/dte-nx-compat';
import { DteError, type AgentRef, type EndedEntry, type FinishedAttempt } from '@org/dte-protocol';
import type { Explainer } from '../report/explainer';
import { reasonLines } from '../on-main/say-reasons';
import type { DriftInvestigator } from './investigator';

export interface TroubleOptions {
  readonly explainer: Explainer;
  readonly investigator: DriftInvestigator;
  /** Says a line. */
  readonly line: (text: string) => void;
  /** Is it for this job to say what a difference means that sent a task back (onHashMismatch: auto)? */
  readonly judges: boolean;
}

/** Our reason for an ending; `again` is said where another task has had the same trouble. */
export interface TroubleWords {
  readonly error: DteError;
  readonly again?: string;
}

/** Says what went wrong with attempts through no fault of their tasks. */
export class Trouble {
  constructor(private readonly options: TroubleOptions) {}

  /** Our reason for an ending, with the inputs named where it is another hash; null when the ending needs none. */
  async wordsFor(
    task: NxTask,
    { agent, reason: ofEntry }: Pick<EndedEntry, 'agent' | 'reason'>,
    finished: FinishedAttempt | null,
  ): Promise<TroubleWords | null> {
    const reason = finished?.reason ?? ofEntry;
    if (reason === null) return null;
    const isDrift = reason.code === 'DTE_HASH_MISMATCH' && finished !== null && agent !== null;
    const said = isDrift ? await this.options.investigator.describe(task, agent.name, finished) : null;
    if (said === null) return { error: new DteError(reason.code, reason.message) };
    return { error: new DteError(reason.code, said.message), again: said.short };
  }

  /**
   * A task came back to this job.
   * @returns false when it has another hash on its agent for a reason that somebody has to know: it has failed
   */
  async explainReturned(task: NxTask, entry: EndedEntry, finished: FinishedAttempt | null): Promise<boolean> {
    const isDrift = entry.reason?.code === 'DTE_HASH_MISMATCH';
    // What came back with the task it needs is no difference of its own.
    if (entry.agent === null && isDrift) return true;
    if (isDrift && this.options.judges) return this.isOwnChange(task, entry.agent, finished);
    const words = await this.wordsFor(task, entry, finished);
    if (words === null) return true;
    const { error, again } = words;
    const message =
      again === undefined ? `${error.message} The main job runs ${task.id} itself.` : error.message;
    this.options.explainer.explain(new DteError(error.code, message), again);
    return true;
  }

  /** A task that ran under another hash than ours because the run wants a warning only. */
  async warnOfDrift(
    task: NxTask,
    { agent }: Pick<EndedEntry, 'agent'>,
    finished: FinishedAttempt | null,
  ): Promise<void> {
    if (finished?.drift === undefined || agent === null) return;
    const said = await this.options.investigator.describe(task, agent.name, finished);
    const message = said?.message ?? `${task.id} has another hash on ${agent.name} than on the main job.`;
    this.options.explainer.explain(new DteError('DTE_HASH_MISMATCH', message), said?.short);
  }

  private async isOwnChange(
    task: NxTask,
    agent: AgentRef | null,
    finished: FinishedAttempt | null,
  ): Promise<boolean> {
    const said =
      agent === null || finished === null
        ? null
        : await this.options.investigator.describe(task, agent.name, finished);
    const [first, ...more] = said?.own ?? [];
    if (first === undefined) return false;
    const others = more.length === 0 ? '' : `, and ${more.length} more`;
    const reason = `uncommitted changes here that the agents do not have: ${first}${others}`;
    for (const line of reasonLines(new Map([[task.id, reason]]))) this.options.line(line);
    return true;
  }
}
