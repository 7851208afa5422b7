import { Recorder, type Recording } from '@org/dte-parity';
import type { Machine, RunOptions } from '../workspace';
import type { RunningProcess } from '../process';

/** An nx command whose tasks are recorded. */
export class RecordedCommand {
  private constructor(
    readonly process: RunningProcess,
    private readonly recorder: Recorder,
  ) {}

  private static count = 0;

  static start(machine: Machine, args: readonly string[], options: RunOptions = {}): RecordedCommand {
    const recorder = new Recorder(machine.folder, String(++RecordedCommand.count));
    const env = { ...machine.env, ...options.env };
    const process = machine.startNx(args, {
      ...options,
      env: { ...options.env, ...recorder.env(env['NODE_OPTIONS']) },
    });
    return new RecordedCommand(process, recorder);
  }

  /** @throws Error if the command ended without a recording: it was killed */
  recording(): Recording {
    const recording = this.recorder.read();
    if (recording !== null) return recording;
    throw new Error(`${this.process.name} left no record of its tasks.\n${this.process.describe()}`);
  }
}
