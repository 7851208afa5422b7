import { isNoop, type NxRunnerContext, type NxStatuses, type TaskGraph } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import type { Command } from '../prepare/command-of';
import type { Ending } from '../tasks/leftovers';
import type { Absent } from '../outputs/outputs-here';
import { taskOf } from '../tasks/plan';
import type { Prepared } from '../prepare/prepare';
import type { Voice } from '../report/say';
import { bringEarlier } from './bring-earlier';
import type { Reasons } from './by-rule';
import type { MainDisk } from '../main-disk/main-disk';
import { mainTasks } from './main-tasks';
import { openMainDisk } from '../main-disk/open-main-disk';
import { projectsBelow } from './projects-below';
import { reasonLines } from './say-reasons';

export interface MainSideOptions {
  readonly prepared: Prepared;
  readonly graph: TaskGraph;
  readonly context: NxRunnerContext;
  readonly command: Pick<Command, 'isRequested'>;
  readonly voice: Voice;
}

/** One command and the main job's disk: the tasks that must run here because of it, and its state after the command. */
export class MainSide {
  private readonly disk: MainDisk;
  private readonly here = new Set<string>();
  /** Task id -> the tasks whose outputs were not restored, and which are the reason that it runs here. */
  private readonly elsewhere = new Map<string, Set<string>>();
  /** Tasks that run here by an option, a rule or their nature: all outputs of their projects must be here for them. */
  private readonly named = new Set<string>();

  constructor(private readonly options: MainSideOptions) {
    this.disk = openMainDisk(options.prepared);
  }

  /** The tasks that must run here, printed in a line for each reason. Never throws: if nothing is known, all of them. */
  async tasks(): Promise<Reasons> {
    const { graph, voice } = this.options;
    const onElsewhere = (id: string, madeBy: string): void =>
      void this.elsewhere.set(id, new Set(this.elsewhere.get(id)).add(madeBy));
    const onNamed = (id: string): void => void this.named.add(id);
    const reasons = await mainTasks({ ...this.options, disk: this.disk, onElsewhere, onNamed }).catch(
      (thrown: unknown) => {
        const why = `the outputs on this disk could not be checked: ${DteError.from(thrown).message}`;
        return new Map(Object.keys(graph.tasks).map((id) => [id, why]));
      },
    );
    // If that fails, the outputs of a task are treated as changed by a script.
    await this.disk.lookAround(Object.values(graph.tasks)).catch(() => undefined);
    for (const line of reasonLines(reasons)) voice.line(line);
    return reasons;
  }

  /**
   * Restores outputs of earlier commands that tasks on the main job may read without an edge in the graph.
   * @returns the tasks that run here because of such outputs, but cannot have them, with the reason: a deployment without
   *   the files to deploy would succeed
   */
  async bringEarlier(taskIds: readonly string[], coordinatorLost: boolean): Promise<Map<string, DteError>> {
    const lacking = new Map<string, DteError>();
    if (taskIds.length === 0) return lacking;
    const { prepared, graph, context, voice } = this.options;
    const { projectGraph } = context;
    try {
      const made = await this.disk.absentSoFar();
      if (made.length === 0) return lacking;
      const isRead = (madeBy: string): boolean => taskIds.some((id) => this.mayRead(id, madeBy));
      const onRun = (madeBy: string, { message }: DteError): void =>
        voice.line(
          `dte: ${madeBy} runs again on the main job: its outputs, which an earlier command did not download, are not available (${message})`,
        );
      const { arrived, missing } = await bringEarlier({
        prepared,
        graph,
        projectGraph,
        taskIds,
        made,
        coordinatorLost,
        isRead,
        onRun,
      });
      // If it cannot be recorded, the next command treats them as changed by a script, and keeps tasks that read them here.
      await this.disk
        .arrived(arrived)
        .catch((thrown: unknown) =>
          voice.line(
            `dte: the outputs on this disk could not be recorded (${DteError.from(thrown).message})`,
          ),
        );
      for (const [madeBy, error] of missing) {
        const readers = taskIds.filter((id) => this.mustHave(id, madeBy));
        for (const id of readers) lacking.set(id, error);
        if (readers.length === 0 && (!coordinatorLost || isRead(madeBy))) voice.explain(error);
      }
    } catch (thrown) {
      const error = DteError.from(thrown, 'DTE_OUTPUTS_ELSEWHERE');
      for (const id of taskIds) if (this.elsewhere.has(id)) lacking.set(id, error);
      if (lacking.size === 0) voice.explain(error);
    }
    return lacking;
  }

  /** May this task read outputs of a task of an earlier command without declaring it? Cached tasks do not. */
  private mayRead(id: string, madeBy: string): boolean {
    if (this.mustHave(id, madeBy)) return true;
    const { graph, context } = this.options;
    const task = taskOf(graph, id);
    if (task.cache === true || isNoop(task, context.projectGraph)) return false;
    return this.isBelow(id, madeBy);
  }

  private isBelow(id: string, madeBy: string): boolean {
    const { graph, context } = this.options;
    const [project = ''] = madeBy.split(':');
    return projectsBelow(context.projectGraph, taskOf(graph, id).target.project).includes(project);
  }

  /** Does this task need the outputs of a task of an earlier command on this disk? */
  private mustHave(id: string, madeBy: string): boolean {
    if (this.elsewhere.get(id)?.has(madeBy) === true) return true;
    return this.named.has(id) && this.isBelow(id, madeBy);
  }

  /** Called with the tasks that this job has run itself. */
  ranHere(statuses: NxStatuses): void {
    for (const [id, status] of Object.entries(statuses)) if (status !== 'skipped') this.here.add(id);
  }

  /** Records the state of the disk after the command. */
  async note(
    endings: ReadonlyMap<string, Ending>,
    absent: ReadonlyMap<string, Absent>,
    runId: string,
  ): Promise<void> {
    const { graph, voice } = this.options;
    const isOver = (id: string): boolean =>
      this.here.has(id) || endings.get(id) === 'success' || endings.get(id) === 'failure';
    const tasks = Object.values(graph.tasks).filter(({ id }) => isOver(id));
    try {
      await this.disk.note(tasks, (id) => (absent.has(id) ? runId : null));
    } catch (thrown) {
      voice.line(
        `dte: the outputs on this disk could not be recorded (${DteError.from(thrown).message}): changes by scripts will not be detected`,
      );
    }
  }
}
