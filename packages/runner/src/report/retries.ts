import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type AgentRef, type EndedEntry, type RunLogEntry, plural } from '@org/dte-protocol';
import type { AttemptKeeper } from './attempt-keeper';
import type { Voice } from './say';

type RetriedEntry = Extract<RunLogEntry, { type: 'retried' }>;

export interface RetriesOptions {
  readonly graph: TaskGraph;
  readonly voice: Voice;
  readonly verbose: boolean;
  /** Was its output printed while it ran? */
  readonly streams: (task: NxTask) => boolean;
  readonly keeper: Pick<AttemptKeeper, 'keep' | 'folder'>;
}

interface Failure {
  readonly attempt: number;
  readonly agent: AgentRef;
  readonly hash: string | null;
}

/** Lines of a failed attempt that are shown. Not configurable: the file has all of them. */
const SHOWN_LINES = 20;
/** Characters of these lines, for a log without line breaks. */
const SHOWN_CHARACTERS = 4_000;
/** Tasks that are named one by one; more are counted. Not configurable: only text of a message. */
const NAMED_TASKS = 20;

/** The end of an output, as lines that differ visibly from those of the last attempt. */
function endOf(terminalOutput: string): string[] {
  const lines = terminalOutput.slice(-SHOWN_CHARACTERS).trimEnd().split('\n').slice(-SHOWN_LINES);
  return lines.filter((line) => line !== '').map((line) => `  | ${line.trimEnd()}`);
}

/** Reports what is retried and why, when it happens and at the end, and stores what failed attempts have left. */
export class Retries {
  /** Attempts that were not the last. */
  count = 0;
  /** Task -> its own failures that were retried. */
  private readonly failures = new Map<string, Failure[]>();
  private readonly ends = new Map<string, EndedEntry>();
  /** Why attempts were lost, and how many for each reason. */
  private readonly losses = new Map<string, number>();
  private kept = 0;
  /** Sequentially: nothing waits for them before the end. */
  private keeping: Promise<void> = Promise.resolve();

  constructor(private readonly options: RetriesOptions) {}

  onEntry(entry: RunLogEntry): void {
    if (entry.type === 'ended') this.ends.set(entry.taskId, entry);
    if (entry.type !== 'retried') return;
    // Nothing was lost, and nothing is retried: the other attempt of the task is on its way, or has its result.
    if (entry.reason.code === 'DTE_SECOND_START')
      return this.options.voice.line(`dte: ${entry.reason.message}`);
    this.count += 1;
    if (entry.result?.kind === 'finished') this.onFailed(entry, entry.result.hash);
    else this.onLost(entry);
  }

  /** Resolves when everything so far is stored and reported. */
  idle(): Promise<void> {
    return this.keeping;
  }

  /** The summary at the end of the command. */
  lines(): string[] {
    const all = [...this.failures].map(([taskId, failures]) => this.outcomeOf(taskId, failures));
    const lines = all.slice(0, NAMED_TASKS).map((line) => `dte: ${line}`);
    if (all.length > NAMED_TASKS) lines.push(`dte: and ${all.length - NAMED_TASKS} more tasks were retried`);
    if (this.kept > 0)
      lines.push(`dte: output and files of failed attempts are in ${this.options.keeper.folder}`);
    if (this.losses.size > 0) {
      const lost = [...this.losses.values()].reduce((sum, count) => sum + count, 0);
      const why = [...this.losses].map(([code, count]) => (count === 1 ? code : `${code} (${count})`));
      lines.push(
        `dte: ${plural(lost, 'attempt')} ${lost === 1 ? 'was' : 'were'} lost and retried: ${why.join(', ')}`,
      );
    }
    return lines;
  }

  private onLost({ taskId, attempt, agent, reason }: RetriedEntry): void {
    this.losses.set(reason.code, (this.losses.get(reason.code) ?? 0) + 1);
    const line = `dte: ${taskId} is retried; attempt ${attempt}, on ${agent.name}, was lost (${reason.code}): ${reason.message}`;
    if (this.options.verbose || reason.code === 'DTE_ARTIFACT_DAMAGED') this.options.voice.line(line);
  }

  private onFailed(entry: RetriedEntry, hash: string | null): void {
    const { taskId, agent, attempt } = entry;
    this.failures.set(taskId, [...(this.failures.get(taskId) ?? []), { agent, hash, attempt }]);
    this.keeping = this.keeping.then(() => this.keep(entry));
  }

  private async keep({ taskId, attempt, reason, result }: RetriedEntry): Promise<void> {
    const { keeper, voice, graph, streams } = this.options;
    // What the task itself did not print: that it timed out, or that its server crashed.
    const explained = result?.kind === 'finished' ? result.reason : null;
    const why = explained === null ? [] : [`  | ${explained.message}`];
    try {
      const { terminalOutput, path } = await keeper.keep(taskId, attempt);
      this.kept += 1;
      const task = graph.tasks[taskId];
      const shown = task === undefined || streams(task) ? [] : endOf(terminalOutput);
      voice.line([`dte: ${reason.message} Its output: ${path}`, ...shown, ...why].join('\n'));
    } catch (thrown) {
      voice.line(`dte: ${reason.message} Its output could not be fetched: ${DteError.from(thrown).message}`);
    }
  }

  private outcomeOf(taskId: string, failures: readonly Failure[]): string {
    const end = this.ends.get(taskId);
    const where = failures.map(({ agent }) => agent.name);
    if (end?.status === 'failure') {
      // After --nxBail, the failure that was to be retried is final.
      if (failures.some(({ attempt }) => attempt === end.attempt))
        return `${taskId} failed on ${where.join(', ')}, and no more tasks were started`;
      const last = end.agent === null ? [] : [end.agent.name];
      return `${taskId} failed in all ${where.length + 1} attempts: ${[...where, ...last].join(', ')}`;
    }
    if (end?.status !== 'success') return `${taskId} failed on ${where.join(', ')} and finished on no agent`;
    const passed = `${taskId} passed on ${end.agent?.name ?? 'an agent'} after failing on ${where.join(', ')}`;
    return this.isFlaky(end, failures) ? `${passed}: it is flaky (same hash)` : passed;
  }

  private isFlaky({ taskId, result }: EndedEntry, failures: readonly Failure[]): boolean {
    const hash = result?.kind === 'finished' ? result.hash : null;
    const isTold = this.options.graph.tasks[taskId]?.cache === true && hash !== null;
    return isTold && failures.some((failure) => failure.hash === hash);
  }
}
