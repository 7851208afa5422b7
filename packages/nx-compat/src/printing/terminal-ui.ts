import { resolveNx } from '../install/nx-install';
import type { NxLifeCycle, NxTaskStatus } from '../model/types';
import type { StreamPrinter } from './stream-printer';

/** What Nx's own runner sends to the terminal UI in addition to the hooks of every life cycle. */
export interface TerminalUi {
  /** After `startTasks`: gives the task a screen for its output. */
  begin(taskId: string): void;
  /** Prints on that screen. */
  printer(taskId: string): StreamPrinter;
  /** After `endTasks`, and for a task that is skipped. */
  end(taskId: string, status: NxTaskStatus): void;
  /** `q` and Ctrl-C: the UI reads the keys itself, so there is no signal. The last callback applies. */
  onQuit(callback: () => void): void;
  /** Shows a line below the tasks. While the UI is shown, output to the streams is invisible. */
  note(line: string): void;
}

interface IsTuiEnabledModule {
  isTuiEnabled(): boolean;
}

interface NativeModule {
  parseTaskStatus(status: string): number;
}

/** The life cycles of a command with a terminal UI; the version decides which of these exist. */
interface UiLifeCycle extends NxLifeCycle {
  registerRunningTaskWithEmptyParser?(taskId: string): void;
  appendTaskOutput?(taskId: string, output: string, isPtyOutput: boolean): void;
  setTaskStatus?(taskId: string, status: number): void;
  registerForcedShutdownCallback?(callback: () => void): void;
  /** Only of Nx's own UI, which is one of several life cycles inside a composite. */
  __setCloudMessage?(line: string): unknown;
  lifeCycles?: readonly UiLifeCycle[];
}

function note(ui: UiLifeCycle, line: string): void {
  void ui.__setCloudMessage?.(line);
  for (const each of ui.lifeCycles ?? []) note(each, line);
}

/** The terminal UI of this command (21 and later, on a terminal); null if there is none. */
export function terminalUiOf(lifeCycle: NxLifeCycle, workspaceRoot?: string): TerminalUi | null {
  const nx = resolveNx(workspaceRoot);
  const isEnabled = nx.loadOptional<IsTuiEnabledModule>('src/tasks-runner/is-tui-enabled')?.isTuiEnabled();
  if (isEnabled !== true) return null;
  const ui = lifeCycle as UiLifeCycle;
  const native = nx.load<NativeModule>('src/native');
  return {
    begin: (taskId) => ui.registerRunningTaskWithEmptyParser?.(taskId),
    printer: (taskId) => ({
      write: (chunk) => ui.appendTaskOutput?.(taskId, chunk, false),
      restart: () => undefined,
      end: (below = '') => {
        if (below !== '') ui.appendTaskOutput?.(taskId, below, false);
      },
    }),
    end: (taskId, status) => ui.setTaskStatus?.(taskId, native.parseTaskStatus(status)),
    onQuit: (callback) => ui.registerForcedShutdownCallback?.(callback),
    note: (line) => note(ui, line),
  };
}
