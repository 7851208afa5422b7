import { type AttemptResult, type BatchResult, type FinishedAttempt } from '@org/dte-protocol';
import pc from 'picocolors';
import { type AttemptRef, keyOf } from '../executor/ipc';
import { type Environment, type LogStream } from './ports';

/** What an agent says about its tasks, for people who read its job log. */
export interface TaskLog {
  /** A line of the agent itself. */
  note(line: string): void;
  /**
   * @param slot counts from 1
   * @param batch number of tasks when it is a batch
   */
  started(ref: AttemptRef, slot: number, batch?: number): void;
  output(ref: AttemptRef, offset: number, data: string): void;
  ended(ref: AttemptRef, result: AttemptResult, durationMs: number): void;
  /** A server was started; what it prints carries its id always, between what tasks print. */
  serving(ref: AttemptRef): void;
  /** @param why how it ended by itself; null when it was stopped because nothing needs it any more */
  served(ref: AttemptRef, why: string | null): void;
  /** Its processes were ended because nobody wants its result. */
  stopped(ref: AttemptRef): void;
}

export interface TaskLogOptions {
  readonly stream: LogStream;
  readonly env: Environment;
  /** Slots served at the moment; lines carry their task's id when there are several. */
  readonly slots: () => number;
  readonly nowMs?: (() => number) | undefined;
  /** Takes out of a text what must not be in a log. */
  readonly hide?: ((text: string) => string) | undefined;
}

interface Running {
  /** The beginning of a line whose end has not come yet. */
  rest: string;
  nextOffset: number;
  section: string | null;
  /** Its lines carry its id even where there is one slot. */
  readonly isServer?: true;
}

/** A line longer than this is written in pieces: a progress bar may never end its line. */
const MAX_LINE = 16 * 1024;

/** Colours for a terminal, and on request; none for NO_COLOR. GitLab's log is no TTY but shows colours, so FORCE_COLOR helps there. */
const useColours = (stream: LogStream, env: Environment): boolean => {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  if (env['FORCE_COLOR'] !== undefined) return env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false';
  return stream.isTTY === true;
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function createTaskLog({
  stream: target,
  env,
  slots,
  nowMs = Date.now,
  hide = (text) => text,
}: TaskLogOptions): TaskLog {
  const stream = { write: (text: string) => target.write(hide(text)) };
  const colours = pc.createColors(useColours(target, env));
  const running = new Map<string, Running>();
  const inGitLab = env['GITLAB_CI'] === 'true';
  let sections = 0;

  const prefix = (ref: AttemptRef): string =>
    slots() > 1 || running.get(keyOf(ref))?.isServer === true ? `${colours.dim(`${ref.taskId} |`)} ` : '';

  /** Complete lines go out at once and whole: two tasks never share a line. */
  function writeLines(ref: AttemptRef, entry: Running, data: string): void {
    const text = entry.rest + data;
    const lines = text.split('\n');
    entry.rest = lines.pop() ?? '';
    if (entry.rest.length > MAX_LINE) {
      lines.push(entry.rest);
      entry.rest = '';
    }
    if (lines.length === 0) return;
    const head = prefix(ref);
    stream.write(lines.map((line) => `${head}${line}\n`).join(''));
  }

  function finish(ref: AttemptRef, line: string): void {
    const entry = running.get(keyOf(ref));
    const head = prefix(ref);
    running.delete(keyOf(ref));
    if (entry !== undefined && entry.rest !== '') stream.write(`${head}${entry.rest}\n`);
    if (entry !== undefined && entry.section !== null) {
      stream.write(`\u001b[0Ksection_end:${Math.floor(nowMs() / 1000)}:${entry.section}\r\u001b[0K\n`);
    }
    stream.write(`${line}\n`);
  }

  function finishedLine(taskId: string, result: FinishedAttempt): string {
    if (result.status === 'success') {
      const cached = result.fromCache === null ? '' : `  ${result.fromCache.replace('-', ' ')}`;
      return `${colours.green('✔')} ${taskId}${cached}`;
    }
    const why = result.reason === null ? `exit code ${result.code}` : result.reason.message;
    return `${colours.red('✖')} ${taskId}  ${why}`;
  }

  const memberLine = ({ taskId, result }: BatchResult['members'][number]): string =>
    result === null ? `${colours.yellow('-')} ${taskId}  skipped` : finishedLine(taskId, result);

  function sectionStart(): { name: string; mark: string } | null {
    // Sections nest and cannot interleave: only with one slot.
    if (!inGitLab || slots() > 1) return null;
    const name = `dte_task_${++sections}`;
    return { name, mark: `\u001b[0Ksection_start:${Math.floor(nowMs() / 1000)}:${name}\r\u001b[0K` };
  }

  return {
    note: (line) => void stream.write(`${line}\n`),
    started(ref, slot, batch) {
      const section = sectionStart();
      running.set(keyOf(ref), { rest: '', nextOffset: 0, section: section?.name ?? null });
      const where = slots() > 1 ? `  (slot ${slot})` : '';
      const others = batch === undefined ? '' : `  batch of ${batch}`;
      const line = `${colours.cyan('▶')} ${colours.bold(ref.taskId)}${others}  attempt ${ref.attempt}${where}`;
      stream.write(`${section?.mark ?? ''}${line}\n`);
    },
    output(ref, offset, data) {
      const entry = running.get(keyOf(ref));
      if (entry === undefined) return;
      if (offset > entry.nextOffset) {
        writeLines(ref, entry, `\n… ${offset - entry.nextOffset} characters omitted\n`);
      }
      entry.nextOffset = offset + data.length;
      writeLines(ref, entry, data);
    },
    ended(ref, result, durationMs) {
      const took = colours.dim(seconds(durationMs));
      if (result.kind === 'batch') {
        const lines = result.members.map((member) => memberLine(member));
        finish(ref, [...lines, took].join('\n'));
      } else if (result.kind === 'returned') {
        const { code, message } = result.reason;
        finish(ref, `${colours.yellow('↩')} ${ref.taskId}  returned: ${message} (${code})  ${took}`);
      } else finish(ref, `${finishedLine(ref.taskId, result)}  ${took}`);
    },
    serving(ref) {
      running.set(keyOf(ref), { rest: '', nextOffset: 0, section: null, isServer: true });
      stream.write(`${colours.cyan('▶')} ${colours.bold(ref.taskId)}  server\n`);
    },
    served: (ref, why) =>
      finish(
        ref,
        why === null
          ? `${colours.dim('■')} ${ref.taskId}  server stopped: no longer needed`
          : `${colours.red('✖')} ${why}`,
      ),
    stopped: (ref) => finish(ref, `${colours.yellow('■')} ${ref.taskId}  stopped: no longer needed`),
  };
}
