import { nxCacheModule } from '../cache/nx-cache';
import type { OpenedCache } from '../cache/open-cache';
import type { NxInstall } from '../install/nx-install';
import type { NxTask } from '../model/types';
import { replaceFunctions, type Restore } from '../patches/replace';

/** Caches a function's result while its argument exists. */
function remembering(original: unknown): (argument: object) => unknown {
  const compute = original as (argument: object) => unknown;
  const answers = new WeakMap<object, unknown>();
  return (argument) => {
    if (!answers.has(argument)) answers.set(argument, compute(argument));
    return answers.get(argument);
  };
}

/**
 * Nx records the start and end of every task in its database, to detect a task whose command runs the same task again.
 * The executors of an agent share that database: each of the three writes per task waits for those of the others, and
 * if one fails, 23 treats that as a recursion and ends the process. An executor is never nested in another nx, and an
 * nx below it still writes, so a recursion is detected anyway, one level further down.
 */
class NoInvocations {
  readonly cleanupStale = (): void => undefined;
  readonly registerTask = (): null => null;
  readonly unregisterTask = (): void => undefined;
  readonly getInvocationChain = (): never[] => [];
}

/**
 * Newer versions of Nx collect what processes use, for their terminal UI. Nobody subscribes to that in an executor, and a collector looks
 * at all processes of the machine when it is made, when the first command starts: 15 ms of processor time, 50 to 150 ms on a busy machine.
 */
class NoMetrics {
  readonly registerMainCliProcess = (): void => undefined;
  readonly registerMainCliSubprocess = (): void => undefined;
  readonly registerDaemonProcess = (): void => undefined;
  readonly registerTaskProcess = (): void => undefined;
  readonly registerBatch = (): void => undefined;
  readonly startCollection = (): void => undefined;
  readonly stopCollection = (): void => undefined;
  readonly subscribe = (): void => undefined;
  readonly getSystemInfo = (): undefined => undefined;
}

/**
 * For each call of runDiscreteTasks, Nx sets up everything again: it reads .env files, passes the whole project graph
 * to native code for a hasher, opens the cache and looks for eight remote cache packages. An executor process does only
 * one thing, so it keeps one of each: a trivial task then costs a few milliseconds instead of a dozen.
 */
export function shareAcrossTasks(nx: NxInstall, hasher: unknown, cache: OpenedCache): Restore {
  const projectGraph = nx.load<Record<string, unknown>>('src/project-graph/project-graph');
  const operators = nx.load<Record<string, unknown>>('src/project-graph/operators');
  const restores = [
    // Both walk the whole project graph for each task and only read it: milliseconds with thousands of projects.
    replaceFunctions(projectGraph, {
      readProjectsConfigurationFromProjectGraph: remembering(
        projectGraph['readProjectsConfigurationFromProjectGraph'],
      ),
    }),
    replaceFunctions(operators, { reverse: remembering(operators['reverse']) }),
    replaceFunctions(nx.load('src/hasher/create-task-hasher'), { createTaskHasher: () => hasher }),
    replaceFunctions(nxCacheModule(nx), { getCache: () => cache.nxCache }),
    replaceFunctions(nx.load('src/utils/dotenv'), { loadRootEnvFiles: () => undefined }),
    // It would turn .env files on although the user turned them off; the host has already set the variables.
    replaceFunctions(nx.load('src/tasks-runner/run-command'), { setEnvVarsBasedOnArgs: () => undefined }),
    // 20 to 22 do not have the first; the second is newer as well.
    replaceFunctions(nx.load('src/native'), {
      TaskInvocationTracker: NoInvocations,
      ProcessMetricsCollector: NoMetrics,
    }),
    // 20 removes old records after each run; Nx does that once per command.
    replaceFunctions(cache.nxCache, { removeOldCacheRecords: () => undefined }),
  ];
  return () => {
    restores.forEach((restore) => {
      restore();
    });
  };
}

type TaskEnv = (task: NxTask, ...rest: unknown[]) => NodeJS.ProcessEnv;

/** For this process, like Nx's own caches: a host that is created again must not find data of an earlier one. */
let epoch = 0;

/**
 * From 22.7 on, Nx caches the environment of each task by its id while the process exists, because a process runs one
 * command. An executor runs the same tasks for many commands, each with its own variables.
 */
export class TaskEnvironments {
  readonly restore: Restore;

  constructor(nx: NxInstall) {
    this.forget();
    const module = nx.load<{ getTaskSpecificEnv: TaskEnv }>('src/tasks-runner/task-env');
    const { getTaskSpecificEnv } = module;
    this.restore = replaceFunctions(module, {
      getTaskSpecificEnv: (task: NxTask, ...rest: unknown[]) =>
        getTaskSpecificEnv({ ...task, id: `${task.id} ${String(epoch)}` }, ...rest),
    });
  }

  /** Clears all of them. */
  forget(): void {
    epoch++;
  }
}

/**
 * Nx does not start a server if its database says that another nx process of the workspace runs it, and waits for that
 * one. An agent has one process per server already, and the record may be of one that was just stopped. For the rest of
 * the process.
 */
export function ownServersOnly(nx: NxInstall): void {
  const { RunningTasksService } = nx.load<{ RunningTasksService?: { prototype: object } }>('src/native');
  if (RunningTasksService) replaceFunctions(RunningTasksService.prototype, { getRunningTasks: () => [] });
}

/** Characters of warnings kept per task. Not configurable: the task's own output, which has one, is kept apart from them. */
const NOTICES_LIMIT = 64 * 1024;

/** Nx's own output while a task runs: headers are dropped, warnings are kept separately from the task's output. */
export class NxNotices {
  private text = '';
  readonly restore: Restore;

  constructor(nx: NxInstall) {
    const { output } = nx.load<{ output: object }>('src/utils/output');
    const drop = (): void => undefined;
    const keep = (notice: { title?: string; bodyLines?: string[] }): void => {
      const lines = [notice.title ?? '', ...(notice.bodyLines ?? [])].join('\n');
      this.text = `${this.text}${lines}\n`.slice(0, NOTICES_LIMIT);
    };
    this.restore = replaceFunctions(output, {
      logCommand: drop,
      logCommandOutput: drop,
      logCommandSummary: drop,
      logSingleLine: drop,
      warn: keep,
      error: keep,
      note: keep,
      log: keep,
      success: drop,
    });
  }

  /** New output since the last call. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}
