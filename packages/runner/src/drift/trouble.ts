import type { NxTask } from '@org/dte-nx-compat';
import { DteError, type AgentRef, type EndedEntry, type FinishedAttempt } from '@org/dte-protocol';
import type { Explainer } from '../report/explainer';
import { reasonLines } from '../on-main/say-reasons';
import type { DriftInvestigator } from './investigator';

export interface TroubleOptions {
  readonly explainer: Explainer;
  readonly investigator: DriftInvestigator;
  /** Prints a line. */
  readonly line: (text: string) => void;
  /** Must this job decide what a difference means that returned a task (onHashMismatch: auto)? */
  readonly judges: boolean;
}

/** Our reason for an ending; `again` is printed if another task had the same problem before. */
export interface TroubleWords {
  readonly error: DteError;
  readonly again?: string;
}

/** Reports problems of attempts that their tasks did not cause. */
export class Trouble {
  constructor(private readonly options: TroubleOptions) {}

  /** Our reason for an ending, with the inputs named if the hash differs; null if the ending needs none. */
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
   * A task was returned to this job.
   * @returns false if its hash differs on its agent for a reason that must be fixed: then it has failed
   */
  async explainReturned(task: NxTask, entry: EndedEntry, finished: FinishedAttempt | null): Promise<boolean> {
    const isDrift = entry.reason?.code === 'DTE_HASH_MISMATCH';
    // A task that was returned together with its dependency has no difference of its own.
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

  /** A task that ran with a different hash because the run only wants a warning. */
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
