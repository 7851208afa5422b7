import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { DteError, LIMITS } from '@org/dte-protocol';
import { Command } from 'commander';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { envWithSecrets } from '@org/dte-config';
import { printable } from '@org/dte-protocol';
import { cliContext, joinSession, warn, type Flags } from './context';
import { KeptOutput } from './kept-output';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte record -- nx format:check --base=$NX_BASE --head=$NX_HEAD
  $ dte record -- npm run check:licenses`;

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

/** Runs the command with this terminal's input, passes its output through and keeps a copy. */
function run(command: string, args: readonly string[], output: KeptOutput): Promise<number> {
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

async function record([command, ...args]: [string, ...string[]], flags: Flags): Promise<void> {
  const output = new KeptOutput(LIMITS.recordBytes.value);
  const startMs = Date.now();
  const exitCode = await run(command, args, output);
  process.exitCode = exitCode;
  const endMs = Date.now();
  const advice = adviceAfter([command, ...args], exitCode);
  if (advice !== null) warn(advice);
  try {
    const context = cliContext(flags);
    // Without a session, this only runs the command.
    if (context.rendezvous === null) return;
    const session = await joinSession(context, 'main');
    try {
      const text = printable([command, ...args].join(' '), 8192);
      await session.http.record({ command: text, exitCode, startMs, endMs, output: output.text() });
    } finally {
      session.close();
    }
  } catch (thrown) {
    // The command has run and its exit code applies; storing its output is optional.
    warn(`the output was not stored: ${DteError.from(thrown).message}`);
  }
}

export function recordCommand(): Command {
  const command = new Command('record')
    .description(
      'run a command and store its output and exit code in the session; also works without a session',
    )
    .usage('[options] -- <command> [args...]')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(record);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}
