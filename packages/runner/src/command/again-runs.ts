import type { NxTask } from '@org/dte-nx-compat';
import type { DteError, EndedEntry, RunLogEntry } from '@org/dte-protocol';
import { randomUUID } from 'node:crypto';
import { FollowedRun } from '../follow/followed-run';
import type { RunResults } from '../results/run-results';
import { submitAgain, type SubmitOptions } from '../submit/submit-run';
import { type AgainRun, MadeAgain } from '../shared-cache/made-again';

export interface AgainRunsOptions extends SubmitOptions {
  readonly results: () => Pick<RunResults, 'endings' | 'whenTaken'>;
  /** What is to be noted of such a run, as of that of the command. */
  readonly onEntry: (entry: RunLogEntry) => void;
}

/** Runs beside that of a command, for results of the shared cache that are damaged. */
export class AgainRuns {
  private readonly madeAgain: MadeAgain;
  private readonly following = new Set<FollowedRun>();

  constructor(private readonly options: AgainRunsOptions) {
    const { graph, plan, prepared, results } = options;
    const { session } = prepared;
    const groups = new Set(plan.noop);
    this.madeAgain = new MadeAgain({
      graph,
      isGroup: (taskId) => groups.has(taskId),
      hasAgents: () => (session.info()?.agents.length ?? 0) > 0,
      endingOf: (taskId) => results().endings.get(taskId),
      whenTaken: (taskId) => results().whenTaken(taskId),
      askHeld: (hashes) => session.http.askHeld(hashes),
      run: (again) => this.run(again),
    });
  }

  /** See `MadeAgain.make`. */
  make(task: NxTask, why: Pick<DteError, 'code'>): Promise<EndedEntry | null> {
    return this.madeAgain.make(task, why);
  }

  cancel(): void {
    this.madeAgain.stop();
    for (const following of this.following) following.cancel();
  }

  /** @returns how it ended; null: no agent has run it */
  private async run(again: AgainRun): Promise<EndedEntry | null> {
    const { prepared, onEntry } = this.options;
    const { session, resolved } = prepared;
    const runId = randomUUID();
    const stopForwarding = await submitAgain({ ...this.options, runId }, again);
    const ends: EndedEntry[] = [];
    const following = new FollowedRun({
      connection: session.connection,
      runId,
      expected: 1,
      limits: resolved.limits,
      reports: () => session.reports(),
      info: session.info(),
      onEntry: (entry) => {
        if (entry.taskId !== again.task.id) return;
        onEntry(entry);
        if (entry.type === 'ended') ends.push(entry);
      },
      onOutput: () => undefined,
      onSession: () => undefined,
    });
    this.following.add(following);
    const trouble = await following.over;
    this.following.delete(following);
    stopForwarding();
    const want = trouble === null ? 'close' : 'cancel';
    session.connection.send({ type: 'main.sync', runId, ackSeq: following.ackSeq, want });
    return ends.find(hasRun) ?? null;
  }
}

const hasRun = ({ result, status }: EndedEntry): boolean =>
  result?.kind === 'finished' && (status === 'success' || status === 'failure');
