import { DteError, ERROR_CODE_LIST, type ErrorCode } from '@org/dte-protocol';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataFolder } from '../data-folder/data-folder';
import { z } from 'zod';
import { handOver, handoverEnv } from '@org/dte-config';

export interface StartOptions {
  /** Path of our own CLI. */
  readonly cliPath: string;
  readonly workspaceRoot: string;
  readonly dataDir: string;
  /** Timeout of the start while its process exists. */
  readonly timeoutMs: number;
  /** Interval of `onSlow` during the start. */
  readonly noteMs: number;
  readonly onSlow: (elapsedMs: number) => void;
  /** Arguments after `coordinator --embedded`; everything else comes from the environment and nx.json. */
  readonly args: readonly string[];
}

/** The child's message when it is healthy and has published its record. */
export interface ReadyMessage {
  readonly type: 'dte-ready';
  readonly url: string;
}

/** Its message when it cannot start, before it exits. */
export interface FailedMessage {
  readonly type: 'dte-failed';
  readonly code: ErrorCode;
  readonly message: string;
}

const messageSchema: z.ZodType<ReadyMessage | FailedMessage> = z.union([
  z.object({ type: z.literal('dte-ready'), url: z.string() }),
  z.object({ type: z.literal('dte-failed'), code: z.enum(ERROR_CODE_LIST), message: z.string() }),
]);

/** Last lines of the coordinator's log that are shown. Not configurable: the file has all of them. */
const LOG_LINES = 5;

const lastLines = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n  ');
  } catch {
    return '';
  }
};

type Patience = Pick<StartOptions, 'timeoutMs' | 'noteMs' | 'onSlow'>;

/** @internal exported for its spec */
export function whenReady(child: ChildProcess, patience: Patience, logPath: string): Promise<string> {
  const { timeoutMs, noteMs, onSlow } = patience;
  return new Promise((resolve, reject) => {
    const fail = (what: string, code: ErrorCode = 'DTE_NO_COORDINATOR'): void => {
      const message = `The coordinator of this job ${what}. ${logPath} ends with:\n  ${lastLines(logPath)}`;
      settle(() => reject(new DteError(code, message)));
    };
    const timer = setTimeout(() => {
      const seconds = timeoutMs / 1000;
      fail(
        `is running but was not ready within ${seconds} s (DTE_COORDINATOR_START_MS)`,
        'DTE_COORDINATOR_SLOW',
      );
      child.kill('SIGKILL');
    }, timeoutMs);
    let elapsedMs = 0;
    const notes = setInterval(() => onSlow((elapsedMs += noteMs)), noteMs);
    const onMessage = (received: unknown): void => {
      const { data } = messageSchema.safeParse(received);
      if (data === undefined) return;
      settle(() => {
        if (data.type === 'dte-ready') resolve(data.url);
        else reject(new DteError(data.code, data.message));
      });
    };
    const onExit = (code: number | null): void => fail(`exited with code ${code ?? 'none'} while starting`);
    const onError = (error: Error): void => fail(`could not be started: ${error.message}`);
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      clearInterval(notes);
      child
        .removeListener('message', onMessage)
        .removeListener('exit', onExit)
        .removeListener('error', onError);
      outcome();
    };
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}

/**
 * Starts `dte coordinator --embedded` as a separate process that outlives this one; its log is
 * `<dataDir>/coordinator.log`.
 * @returns its address, after it is healthy and published
 * @throws DteError its own error, else DTE_NO_COORDINATOR with the end of its log
 */
export async function startEmbedded(options: StartOptions): Promise<string> {
  makeDataFolder(options.dataDir);
  const logPath = join(options.dataDir, 'coordinator.log');
  // Also readable: the coordinator cuts it when it grows too long.
  const log = openSync(logPath, 'a+');
  const child = spawn(process.execPath, [options.cliPath, 'coordinator', '--embedded', ...options.args], {
    cwd: options.workspaceRoot,
    detached: true,
    env: handoverEnv(),
    stdio: ['pipe', log, log, 'ipc'],
  });
  handOver(child);
  closeSync(log);
  try {
    return await whenReady(child, options, logPath);
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}
