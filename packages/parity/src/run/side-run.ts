import { type FileFacts, fileFacts } from '../compare/file-facts';
import type { Observation, TaskFacts } from '../compare/compare';
import type { Side } from '../compare/judge';
import { logText } from '../compare/log-text';
import { CannotTry } from '../model/cannot-try';
import type { Copy } from '../copies/copies';
import type { RecordedProgress, Recorder, Recording } from '../record/recorder';
import type { Child } from './child';
import { lastLines } from './plan';

/** The command on one side. */
export interface SideRun extends Side {
  readonly durationMs: number;
  /** The last part of what the command has printed. */
  readonly output: string;
}

/** Folders of all copies, as they are written in compared texts. */
export type Folders = Record<string, string>;

const observationOf = (
  recording: Recording,
  exitCode: number | string,
  copy: Copy,
  folders: Folders,
): Observation => ({
  exitCode,
  completed: recording.completed,
  tasks: Object.fromEntries(
    Object.entries(recording.tasks).map(([id, task]): [string, TaskFacts] => {
      const files: FileFacts = fileFacts(copy.workspace, task.outputs);
      const { status, code, ends } = task;
      return [id, { status, code, ends, files, terminalOutput: logText(task.terminalOutput, folders) }];
    }),
  ),
});

export interface SideOptions {
  /** For messages: `plain`. */
  readonly name: string;
  readonly copy: Copy;
  readonly folders: Folders;
  readonly limitMs: number;
  /** Called when the command has started, with a way to ask how far it is. */
  readonly onStart: (progress: () => RecordedProgress) => void;
}

/**
 * Waits for a recorded command and collects its results.
 * @throws CannotTry if it takes too long, or was killed
 */
export async function sideRun([child, recorder]: [Child, Recorder], options: SideOptions): Promise<SideRun> {
  const { name, copy, folders, limitMs, onStart } = options;
  onStart(() => recorder.progress());
  const { code, durationMs, timedOut } = await child.end(limitMs);
  const recording = recorder.read();
  if (timedOut) {
    const { running } = recorder.progress();
    const where = running.length === 0 ? '' : ` It was running ${running.slice(0, 5).join(', ')}.`;
    throw new CannotTry(
      `The ${name} run did not end within ${Math.round(limitMs / 60_000)} minutes (--timeout).${where}`,
    );
  }
  if (recording === null)
    throw new CannotTry(
      `The ${name} run ended with ${code} and left no results:\n${lastLines(child.output())}`,
    );
  return {
    observation: observationOf(recording, code, copy, folders),
    workspace: copy.workspace,
    folders,
    durationMs,
    output: child.output(),
  };
}
