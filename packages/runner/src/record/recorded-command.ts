import { envWithSecrets } from '@org/dte-config';
import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KeptOutput } from './kept-output';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The exit code of shells for a command that does not exist. */
const NOT_FOUND = 127;

const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/** PATH as for a script in package.json: the workspace's own commands come first. */
function pathWithBin(): string {
  return [join(findWorkspaceRoot(), 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter);
}

/** The last part of a path; of `nx@22` the name; `nx.js` and `nx.cmd` are nx. The rest of the line may be a shell's. */
const named = (names: string): RegExp =>
  new RegExp(String.raw`(^|[\s/\\;&|('"])(${names})(\.(js|cmd|exe|ps1))?(@[^\s/\\]*)?($|[\s;&|)'"])`);

/** Commands that use the session, and those that run package.json scripts or installed commands: often nx. */
const IN_SESSION = named('nx|dte|npm|npx|pnpm|pnpx|yarn|yarnpkg|bun|bunx');
const NODE = named('node');

/** A command that starts no nx does not need the job's credentials. */
export function environmentOf(words: readonly string[]): NodeJS.ProcessEnv {
  const line = words.join(' ');
  const isNodeOfNx = NODE.test(line) && line.includes('nx');
  return isNodeOfNx || IN_SESSION.test(line) ? envWithSecrets() : process.env;
}

/** `nx format:check` fails with only a list of files: at the end of a job log, nobody would know why. */
export function adviceAfter(words: readonly string[], exitCode: number): string | null {
  const isFormatCheck = /(^|\s)nx format:check(\s|$)/.test(words.join(' '));
  if (exitCode !== 1 || !isFormatCheck) return null;
  return '`nx format:check` failed: the files above are not formatted; `npx nx format:write` formats what has changed';
}

/** What a run of a command needs beside its words. */
interface Recording {
  /** Gets what the command prints. */
  readonly output: KeptOutput;
  /** Prints a line for the user. */
  readonly warn: (line: string) => void;
}

/**
 * Runs the command with this terminal's input, passes its output through and keeps a copy.
 * @returns the exit code, as a shell would say it
 */
export function runRecorded(
  command: string,
  args: readonly string[],
  { output, warn }: Recording,
): Promise<number> {
  return new Promise((resolve) => {
    // `record -- "a && b"`: one word that is a whole command line must be meant for a shell.
    const shell = args.length === 0 && /\s/.test(command);
    const child = spawn(command, args, {
      stdio: ['inherit', 'pipe', 'pipe'],
      shell,
      env: { ...environmentOf([command, ...args]), PATH: pathWithBin() },
    });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    const pass = (from: NodeJS.ReadableStream, to: NodeJS.WriteStream): void => {
      from.on('data', (chunk: Buffer) => output.add(chunk));
      from.pipe(to, { end: false });
    };
    pass(child.stdout, process.stdout);
    pass(child.stderr, process.stderr);
    const done = (exitCode: number): void => {
      for (const signal of SIGNALS) process.removeListener(signal, forward);
      resolve(exitCode);
    };
    child.once('error', (error) => {
      warn(`${command} could not be started: ${error.message}`);
      done(NOT_FOUND);
    });
    child.once('close', (code, signal) => done(exitCodeOf(code, signal)));
  });
}
