import type { NxRunningTask } from '../execution/continuous';
import type { NxLifeCycle } from '../model/types';
import { ticksNow } from '../processes/task-processes';
import { OutputCapture } from './output-capture';
import type { RunningServer, ServerEnd } from './types';

/** Nx 24's result for `readyWhen`: the server is ready. */
const READY = 1;
/** Nx 24's result for `readyWhen`: the server did not become ready. */
const NOT_READY = 2;

/**
 * One server that Nx runs. Everything that this process prints until it ends is the server's output, so a host runs
 * either one server or tasks.
 */
export class ServerRun {
  readonly startedTicks = ticksNow();
  private readonly capture = new OutputCapture();
  private probed = false;
  private verdict: (why: string | null) => void = () => undefined;
  private readonly judged = new Promise<string | null>((resolve) => (this.verdict = resolve));

  constructor(
    private readonly taskId: string,
    private readonly onOutput: (chunk: string) => void,
    private readonly countsAsTask: boolean,
  ) {}

  /** @throws whatever Nx throws if it cannot start the server */
  async start(launch: (lifeCycle: NxLifeCycle) => Promise<NxRunningTask>): Promise<RunningServer> {
    this.capture.start(this.onOutput);
    let running: NxRunningTask;
    try {
      running = await launch(this.lifeCycle());
    } catch (error) {
      this.capture.stop();
      throw error;
    }
    const ended = new Promise<ServerEnd>((resolve) => {
      running.onExit((code) => {
        const how = code === null ? 'was stopped by a signal' : `ended with exit code ${String(code)}`;
        const why = `${this.taskId} ${how}.`;
        // Nx gets the event after us, and prints something about it that is part of the output.
        setImmediate(() => {
          this.verdict(why);
          resolve({ why, failed: this.countsAsTask });
        });
      });
    });
    if (!this.probed) this.verdict(null);
    return {
      probed: this.probed,
      ready: this.judged.then((why) => (why === null ? null : { why, failed: this.countsAsTask })),
      ended,
    };
  }

  private lifeCycle(): NxLifeCycle {
    return {
      setTaskReadiness: (_taskId: string, verdict: number) => {
        this.probed = true;
        if (verdict === READY) this.verdict(null);
        // The explanation comes with the end of the task, if anything waits for it at all.
        else if (verdict === NOT_READY)
          setImmediate(() => this.verdict(`${this.taskId} did not become ready.`));
      },
      endTasks: (results) => {
        const failed = results.find(({ task, status }) => task.id === this.taskId && status === 'failure');
        if (failed?.terminalOutput) this.verdict(failed.terminalOutput);
      },
    };
  }
}
