import { EOL } from 'node:os';
import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph, NxTask } from '../model/types';
import { ExecutorLines } from './executor-lines';
import { LineSplitter, linePrefix } from './line-prefix';
import { showsHeadersWithPrefixes } from './prefixed-headers';
import { runCommandsOf } from './run-commands';

/** Shows one task's output as it arrives. */
export interface StreamPrinter {
  /** A chunk as the task wrote it, cut anywhere. */
  write(chunk: string): void;
  /** The output starts again from its beginning, for example of another attempt. */
  restart(): void;
  /**
   * Call this after the last chunk; idempotent.
   * @param note printed below the output, but not part of it; begins with a line end if the output has none
   */
  end(note?: string): void;
}

interface OutputModule {
  output: {
    bold(text: string): string;
    logCommand(message: string): void;
    /** 23 and later track whether the cursor is at the start of a line. */
    writeTaskOutputChunk?(chunk: string): void;
  };
}

interface UtilsModule {
  getPrintableCommandArgsForTask: (task: NxTask) => string[];
}

/**
 * Prints as Nx itself does with NX_STREAM_OUTPUT: the header `> nx run project:target` before the first output, then
 * the output unchanged, or each line with the prefix `project:` if NX_PREFIX_OUTPUT is `true`. Nx sets these two
 * variables from the output style before it calls a tasks runner.
 *
 * On an agent, run-commands prints its own lines (headers, warnings), as without prefixes. With prefixes, Nx omits
 * them.
 */
export function createStreamPrinter(
  task: NxTask,
  projectGraph: NxProjectGraph,
  workspaceRoot?: string,
): StreamPrinter {
  const nx = resolveNx(workspaceRoot);
  const { output } = nx.load<OutputModule>('src/utils/output');
  const { getPrintableCommandArgsForTask } = nx.load<UtilsModule>('src/tasks-runner/utils');
  const write = (text: string): void => {
    if (output.writeTaskOutputChunk) output.writeTaskOutputChunk(text);
    else process.stdout.write(text);
  };
  const prefixed = process.env['NX_PREFIX_OUTPUT'] === 'true';
  const prefix = linePrefix(nx.major, task.target.project, output.bold('x') !== 'x');
  const lines = new LineSplitter();
  const newExecutorLines = (): ExecutorLines =>
    new ExecutorLines(runCommandsOf(task, projectGraph), showsHeadersWithPrefixes(nx));
  let executorLines = newExecutorLines();
  let started = false;
  const start = (): void => {
    if (started) return;
    started = true;
    output.logCommand(getPrintableCommandArgsForTask(task).join(' '));
  };
  const writeLines = (complete: string[]): void => {
    for (const line of complete) write(`${prefix} ${line}${EOL}`);
  };
  const flush = (): void => {
    writeLines([...lines.push(executorLines.end()), ...lines.end()]);
  };
  return {
    write(chunk) {
      start();
      if (prefixed) writeLines(lines.push(executorLines.push(chunk)));
      else write(chunk);
    },
    restart() {
      flush();
      executorLines = newExecutorLines();
    },
    end(note = '') {
      start();
      flush();
      if (prefixed) writeLines([...lines.push(note), ...lines.end()]);
      else if (note !== '') write(note);
    },
  };
}
