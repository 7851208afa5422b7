import {
  isCacheMark,
  type NxLifeCycle,
  type NxTask,
  type NxTaskStatus,
  type StreamPrinter,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { LiveText, withNote, type LivePiece } from './live-text';

/** How one task ended, as Nx must show it. */
export interface TaskReport {
  readonly task: NxTask;
  readonly status: NxTaskStatus;
  readonly code: number;
  readonly terminalOutput: string;
  /** Printed below it: our explanation. */
  readonly note?: string | undefined;
  /** The accepted attempt, whose live output may have been printed; null if there was none. */
  readonly attempt: number | null;
  /**
   * Set for a server. Its output is shown but is not part of its result, as in Nx; `counted: false`: it has no result
   * at all (Nx 21).
   */
  readonly server?: { readonly counted: boolean };
}

export interface ReporterOptions {
  readonly lifeCycle: NxLifeCycle;
  /** Is this task's output shown while it runs? */
  readonly streams: (task: NxTask) => boolean;
  readonly createPrinter: (task: NxTask) => StreamPrinter;
  /** Null or omitted: the command has none. */
  readonly ui?: Pick<TerminalUi, 'begin' | 'end'> | null;
  /** The output that Nx has just printed as a whole; empty if it may not have printed it. */
  readonly onPrinted?: (output: string) => void;
}

/** Lowest free number: Nx's group ids are the rows of its dynamic output. */
class Groups {
  private readonly used = new Set<number>();

  take(): number {
    let id = 0;
    while (this.used.has(id)) id += 1;
    this.used.add(id);
    return id;
  }

  free(id: number): void {
    this.used.delete(id);
  }
}

/** Reports remote tasks to Nx's life cycle, one call at a time and in the order in which Nx itself would. */
export class Reporter {
  private readonly groups = new Groups();
  private readonly groupOf = new Map<string, number>();
  private readonly live = new Map<string, { text: LiveText; printer: StreamPrinter }>();
  private chain: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ReporterOptions) {}

  /** A task starts. Nx ignores a second start (another attempt). */
  started(task: NxTask): Promise<void> {
    return this.inOrder(() => this.begin([task]));
  }

  /** Live output; what cannot be printed now is printed at the end. */
  output(task: NxTask, piece: LivePiece): void {
    if (!this.options.streams(task)) return;
    const { text, printer } = this.liveOf(task);
    const fresh = text.accept(piece);
    if (fresh === '') return;
    const { startsOver } = text;
    // It may arrive before the start of the task is reported; until then, there is nowhere to print.
    this.inOrder(async () => {
      await this.begin([task]);
      if (startsOver) printer.restart();
      printer.write(fresh);
    }).catch(() => undefined);
  }

  ended(report: TaskReport): Promise<void> {
    return this.inOrder(async () => {
      const { task, status, server } = report;
      // Nx passes only these two to its life cycles; the process's own code is in the log of the agent.
      const code = status === 'failure' || status === 'stopped' ? 1 : 0;
      await this.begin([task]);
      this.print(report);
      const groupId = this.groupOf.get(task.id) ?? 0;
      const said = withNote(report.terminalOutput, report.note ?? '');
      const terminalOutput = server === undefined ? said : undefined;
      if (server?.counted !== false)
        await this.options.lifeCycle.endTasks?.([{ task, status, code, terminalOutput }], { groupId });
      this.options.ui?.end(task.id, status);
      this.groups.free(groupId);
    });
  }

  /** A task that will never start: Nx does not report it to life cycles. */
  skipped(taskId: string): void {
    this.inOrder(() => Promise.resolve(this.options.ui?.end(taskId, 'skipped'))).catch(() => undefined);
  }

  /** Resolves when everything so far has reached Nx. */
  async idle(): Promise<void> {
    await this.chain.catch(() => undefined);
  }

  private async begin(tasks: NxTask[]): Promise<void> {
    for (const task of tasks) {
      if (this.groupOf.has(task.id)) continue;
      const groupId = this.groups.take();
      this.groupOf.set(task.id, groupId);
      task.startTime ??= Date.now();
      await this.options.lifeCycle.scheduleTask?.(task);
      await this.options.lifeCycle.startTasks?.([task], { groupId });
      this.options.ui?.begin(task.id);
    }
  }

  private print({ task, status, terminalOutput, note = '', attempt }: TaskReport): void {
    const isCached = isCacheMark(status);
    if (isCached || !this.options.streams(task)) {
      const output = withNote(terminalOutput, note);
      this.options.lifeCycle.printTaskTerminalOutput?.(task, status, output);
      // From Nx 23 on, of a task that succeeds there is only a line with its name.
      this.options.onPrinted?.(status === 'failure' ? output : '');
      return;
    }
    const { text, printer } = this.liveOf(task);
    const rest = text.rest(attempt, terminalOutput);
    if (text.startsOver) printer.restart();
    if (rest !== '') printer.write(rest);
    printer.end(text.rest(attempt, terminalOutput, note).slice(rest.length));
    this.live.delete(task.id);
  }

  private liveOf(task: NxTask): { text: LiveText; printer: StreamPrinter } {
    const known = this.live.get(task.id);
    if (known !== undefined) return known;
    const made = { text: new LiveText(), printer: this.options.createPrinter(task) };
    this.live.set(task.id, made);
    return made;
  }

  private inOrder(call: () => Promise<void>): Promise<void> {
    const result = this.chain.then(call, call);
    this.chain = result;
    return result;
  }
}
