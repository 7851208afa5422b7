import { codeOfFetch } from '@org/dte-client';
import { cachesFailures, type NxTask, type TaskCache, type TaskGraph } from '@org/dte-nx-compat';
import { DteError, type EndedEntry, type FinishedAttempt } from '@org/dte-protocol';
import type { Trouble } from '../drift/trouble';
import type { Source, Taken } from '../follow/state';
import type { OutputsHere } from '../outputs/outputs-here';
import { untaken } from '../report/untaken';
import type { Hit } from '../submit/settle-cache';
import { taskOf } from '../tasks/plan';
import type { Groups } from './groups';

export interface TakeResultsOptions {
  readonly graph: TaskGraph;
  readonly cache: Pick<TaskCache, 'fetch' | 'replays' | 'recordTaskDetails' | 'keepTerminalOutput'>;
  readonly outputs: Pick<OutputsHere, 'absent' | 'inOrder' | 'isLeft' | 'restore' | 'take'>;
  readonly trouble: Pick<Trouble, 'wordsFor' | 'warnOfDrift'>;
  readonly groups: Pick<Groups, 'end'>;
  /** Stores a task's terminal output for people. Never throws. */
  readonly keepOutput: (task: NxTask, terminalOutput: string) => Promise<void>;
}

const NOTHING = { from: null, code: 0, isLeft: false, note: '' } as const;

/** Takes over the results of caches and agents: outputs to this disk, and the terminal output. */
export class TakeResults {
  constructor(private readonly options: TakeResultsOptions) {}

  /** @throws DteError if a result that is not a failure cannot be taken over */
  async take(taskId: string, source: Source): Promise<Taken> {
    const task = taskOf(this.options.graph, taskId);
    switch (source.kind) {
      case 'hit':
        return this.takeHit(task, source.hit).catch((thrown: unknown) =>
          Promise.reject(untaken(thrown, task, null)),
        );
      case 'group':
        return this.takeGroup(task);
      case 'success':
        return this.takeSuccess(task, source.entry, source.finished);
      case 'failure':
        return this.takeFailure(task, source.entry, source.finished);
    }
  }

  private async takeHit(task: NxTask, { local, from: before }: Hit): Promise<Taken> {
    const { cache, outputs } = this.options;
    // A cached failure (NX_CACHE_FAILURES) contains its exit code only together with everything else.
    if (!local && task.hash !== undefined && outputs.isLeft(task) && !cachesFailures()) {
      const { terminalOutput, from } = await outputs.take(task, { kind: 'cache', hash: task.hash });
      cache.recordTaskDetails([task]);
      await this.options.keepOutput(task, terminalOutput);
      return { ...NOTHING, terminalOutput, from: from ?? 'remote' };
    }
    const found = await outputs.inOrder(task, async () => {
      const fetched = await cache.fetch(task);
      if (fetched.kind === 'local' || fetched.kind === 'remote') return fetched;
      const why = fetched.kind === 'error' ? `: ${fetched.message.replace(/\.$/, '')}` : '';
      throw new DteError(
        fetched.kind === 'error' ? codeOfFetch(fetched.cause) : 'DTE_ARTIFACT_MISSING',
        `The cached outputs of ${task.id} could not be fetched${why}.`,
      );
    });
    const { code, terminalOutput } = found.entry;
    if (!cache.replays(code)) {
      const message = `The cached result of ${task.id} is a failure, which Nx does not replay.`;
      throw new DteError('DTE_ARTIFACT_MISSING', message);
    }
    return { ...NOTHING, code, terminalOutput, from: before ?? found.kind };
  }

  private async takeGroup(task: NxTask): Promise<Taken> {
    const { groups, outputs } = this.options;
    const { terminalOutput, from } = await outputs.inOrder(task, () => groups.end(task));
    return { ...NOTHING, terminalOutput, from };
  }

  private async takeSuccess(
    task: NxTask,
    entry: EndedEntry,
    finished: FinishedAttempt | null,
  ): Promise<Taken> {
    const { outputs, trouble } = this.options;
    const artifact = finished?.artifact ?? { kind: 'none' };
    const { terminalOutput, from } = await outputs
      .take(task, artifact)
      .catch((thrown: unknown) => Promise.reject(untaken(thrown, task, entry.agent)));
    await trouble.warnOfDrift(task, entry, finished);
    return { ...NOTHING, terminalOutput, from, isLeft: outputs.absent.has(task.id) };
  }

  private async takeFailure(
    task: NxTask,
    entry: EndedEntry,
    finished: FinishedAttempt | null,
  ): Promise<Taken> {
    const { outputs, trouble } = this.options;
    const words = await trouble.wordsFor(task, entry, finished);
    if (words === null) await trouble.warnOfDrift(task, entry, finished);
    const terminalOutput = await outputs
      .restore(task, finished?.artifact ?? { kind: 'none' }, 'failure')
      .then(
        (restored) => restored.terminalOutput,
        (thrown: unknown) => `${DteError.from(thrown).explain()}\n`,
      );
    return { ...NOTHING, terminalOutput, note: words === null ? '' : `${words.error.explain()}\n` };
  }
}
