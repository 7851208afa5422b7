import {
  type AttemptResult,
  type BatchResult,
  type FinishedAttempt,
  withoutMarkers,
} from '@org/dte-protocol';
import pc from 'picocolors';
import { type AttemptRef, keyOf } from '../executor/ipc';
import { type Environment, type LogStream } from './ports';

export interface TaskLogOptions {
  readonly stream: LogStream;
  readonly env: Environment;
  /** Number of slots at the moment; with several, lines contain their task's id. */
  readonly slots: () => number;
  readonly nowMs?: (() => number) | undefined;
  /** Masks what must not be in a log. */
  readonly hide?: ((text: string) => string) | undefined;
}

interface Running {
  /** The beginning of a line that is not complete yet. */
  rest: string;
  nextOffset: number;
  section: string | null;
  /** Its lines contain its id even with one slot. */
  readonly isServer?: true;
}

/** A line longer than this is written in pieces, because a progress bar may never end its line. Not configurable: all of it is written. */
const MAX_LINE = 16 * 1024;

/** Ends colours and invisible text of a task: GitLab carries both on to the lines that follow. */
const RESET = '\u001b[0m';

/** Colours for a terminal, and on request; none with NO_COLOR. GitLab's log is no TTY but shows colours, so FORCE_COLOR helps there. */
const useColours = (stream: LogStream, env: Environment): boolean => {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  if (env['FORCE_COLOR'] !== undefined) return env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false';
  return stream.isTTY === true;
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The agent's log of its tasks, for people who read its job log. */
export class TaskLog {
  private readonly colours: ReturnType<typeof pc.createColors>;
  private readonly running = new Map<string, Running>();
  private readonly inGitLab: boolean;
  private sections = 0;

  constructor(private readonly options: TaskLogOptions) {
    this.colours = pc.createColors(useColours(options.stream, options.env));
    this.inGitLab = options.env['GITLAB_CI'] === 'true';
  }

  /** A line of the agent itself. */
  note(line: string): void {
    this.write(`${line}\n`);
  }

  /**
   * @param slot starts at 1
   * @param batch number of tasks if it is a batch
   */
  started(ref: AttemptRef, slot: number, batch?: number): void {
    const { colours } = this;
    const section = this.sectionStart();
    this.running.set(keyOf(ref), { rest: '', nextOffset: 0, section: section?.name ?? null });
    const where = this.options.slots() > 1 ? `  (slot ${slot})` : '';
    const others = batch === undefined ? '' : `  batch of ${batch}`;
    const line = `${colours.cyan('▶')} ${colours.bold(ref.taskId)}${others}  attempt ${ref.attempt}${where}`;
    this.mark(section?.mark ?? '');
    this.write(`${line}\n`);
  }

  output(ref: AttemptRef, offset: number, data: string): void {
    const entry = this.running.get(keyOf(ref));
    if (entry === undefined) return;
    if (offset > entry.nextOffset) {
      this.writeLines(ref, entry, `\n… ${offset - entry.nextOffset} characters omitted\n`);
    }
    entry.nextOffset = offset + data.length;
    this.writeLines(ref, entry, data);
  }

  ended(ref: AttemptRef, result: AttemptResult, durationMs: number): void {
    const took = this.colours.dim(seconds(durationMs));
    if (result.kind === 'batch') {
      const lines = result.members.map((member) => this.memberLine(member));
      this.finish(ref, [...lines, took].join('\n'));
    } else if (result.kind === 'returned') {
      const { code, message } = result.reason;
      this.finish(ref, `${this.colours.yellow('↩')} ${ref.taskId}  returned: ${message} (${code})  ${took}`);
    } else this.finish(ref, `${this.finishedLine(ref.taskId, result)}  ${took}`);
  }

  /** A server was started; its output always contains its id, because it is between the output of tasks. */
  serving(ref: AttemptRef): void {
    this.running.set(keyOf(ref), { rest: '', nextOffset: 0, section: null, isServer: true });
    this.write(`${this.colours.cyan('▶')} ${this.colours.bold(ref.taskId)}  server\n`);
  }

  /** @param why how it ended by itself; null if it was stopped because nothing needs it any more */
  served(ref: AttemptRef, why: string | null): void {
    const { dim, red } = this.colours;
    const stopped = `${dim('■')} ${ref.taskId}  server stopped: no longer needed`;
    this.finish(ref, why === null ? stopped : `${red('✖')} ${why}`);
  }

  /** Its processes were stopped because its result is no longer needed. */
  stopped(ref: AttemptRef): void {
    this.finish(ref, `${this.colours.yellow('■')} ${ref.taskId}  stopped: no longer needed`);
  }

  /** Writes whole lines: half a marker of a section could be completed by what follows. */
  private write(lines: string): void {
    const { stream, hide } = this.options;
    const shown = hide === undefined ? lines : hide(lines);
    // Last: without what is hidden, two halves could make a marker. A task must not close what readers see, nor open what hides it.
    stream.write(this.inGitLab ? withoutMarkers(shown) : shown);
  }

  /** Our own marker of a section. */
  private mark(marker: string): void {
    if (marker !== '') this.options.stream.write(marker);
  }

  private now(): number {
    const { nowMs = Date.now } = this.options;
    return Math.floor(nowMs() / 1000);
  }

  private prefix(ref: AttemptRef): string {
    const isNamed = this.options.slots() > 1 || this.running.get(keyOf(ref))?.isServer === true;
    return isNamed ? `${this.colours.dim(`${ref.taskId} |`)} ` : '';
  }

  /** Complete lines are written immediately and whole: two tasks never share a line. */
  private writeLines(ref: AttemptRef, entry: Running, data: string): void {
    const text = entry.rest + data;
    const lines = text.split('\n');
    entry.rest = lines.pop() ?? '';
    if (entry.rest.length > MAX_LINE) {
      lines.push(entry.rest);
      entry.rest = '';
    }
    if (lines.length === 0) return;
    const head = this.prefix(ref);
    this.write(lines.map((line) => `${head}${line}\n`).join(''));
  }

  private finish(ref: AttemptRef, line: string): void {
    const entry = this.running.get(keyOf(ref));
    const head = this.prefix(ref);
    this.running.delete(keyOf(ref));
    if (entry !== undefined && entry.rest !== '') this.write(`${head}${entry.rest}\n`);
    if (this.inGitLab) this.mark(RESET);
    if (entry !== undefined && entry.section !== null) {
      this.mark(`\u001b[0Ksection_end:${this.now()}:${entry.section}\r\u001b[0K\n`);
    }
    this.write(`${line}\n`);
  }

  private finishedLine(taskId: string, result: FinishedAttempt): string {
    if (result.status === 'success') {
      const cached = result.fromCache === null ? '' : `  ${result.fromCache.replace('-', ' ')}`;
      return `${this.colours.green('✔')} ${taskId}${cached}`;
    }
    const why = result.reason === null ? `exit code ${result.code}` : result.reason.message;
    return `${this.colours.red('✖')} ${taskId}  ${why}`;
  }

  private memberLine({ taskId, result }: BatchResult['members'][number]): string {
    return result === null
      ? `${this.colours.yellow('-')} ${taskId}  skipped`
      : this.finishedLine(taskId, result);
  }

  private sectionStart(): { name: string; mark: string } | null {
    // Sections nest and cannot interleave: only with one slot.
    if (!this.inGitLab || this.options.slots() > 1) return null;
    const name = `dte_task_${++this.sections}`;
    return { name, mark: `\u001b[0Ksection_start:${this.now()}:${name}\r\u001b[0K` };
  }
}
