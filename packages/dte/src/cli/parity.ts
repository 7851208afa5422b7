import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { CannotTry, conclude, Progress, reportJson, reportText, Trial } from '@org/dte-parity';
import { DteError } from '@org/dte-protocol';
import { Command } from 'commander';
import { join } from 'node:path';
import pc from 'picocolors';
import { sayAside } from './context';
import { matchesGlob, PARITY_FLAGS, type ParityFlags, readParityFlags } from './parity-options';

const EXAMPLES = `
Examples:
  $ npx @org/dte parity                                   # nothing to install or to configure
  $ npx dte parity --agents=3 -- nx affected -t lint,test,build --parallel=2
  $ VITE_API=https://test npx dte parity --main-env=VITE_API -- nx run-many -t build

Runs an nx command plain and distributed, on copies of this workspace, and compares exit code, tasks, logs and outputs.
The workspace itself is only read. Exit code: 0 safe to distribute, 1 something differs, 2 it could not be tried.`;

/** What is compared without an nx command. */
const USUAL_COMMAND = ['run-many', '-t', 'lint,test,build'];
/** Exit codes of shells for a process that a signal has stopped. */
const STOPPED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Exit code of a command that could not be compared. Not configurable. */
const UNTRIED = 2;

const withoutName = (words: readonly string[]): readonly string[] =>
  words[0] === 'nx' ? words.slice(1) : words;

/** Ctrl-C stops everything and deletes the copies first. */
function closeOnSignals(trial: Trial): () => void {
  const names = Object.keys(STOPPED) as (keyof typeof STOPPED)[];
  const stop = (signal: keyof typeof STOPPED): void => {
    sayAside('\ndte: stopping, and deleting the copies …');
    void trial.close().finally(() => process.exit(STOPPED[signal]));
  };
  for (const name of names) process.once(name, stop);
  return () => names.forEach((name) => process.off(name, stop));
}

/** Exit code 1 would say that something differs. */
function untried(error: unknown, json: boolean): void {
  const why = error instanceof CannotTry ? error.message : DteError.from(error).explain();
  const sentence = `Could not be tried: ${why}`;
  const text = json ? JSON.stringify({ exitCode: UNTRIED, sentence }, null, 2) : `\n${pc.red(sentence)}`;
  process.stdout.write(`${text}\n`);
  process.exitCode = UNTRIED;
}

function openTrial(wish: ParityFlags, command: readonly string[], progress: Progress): Trial {
  // `export NX_BASE=$(…)` leaves it empty if the command fails.
  const { NX_BASE = '' } = process.env;
  return new Trial({
    workspace: findWorkspaceRoot(),
    product: join(__dirname, '..', '..'),
    command,
    agents: wish.agents,
    reruns: wish.reruns,
    warm: wish.warm,
    base: wish.base ?? (NX_BASE === '' ? undefined : NX_BASE),
    mainEnv: wish.mainEnv,
    ignores: (path) => wish.ignore.some((glob) => matchesGlob(path, glob)),
    limitMs: wish.timeout * 60_000,
    fullCopies: wish.fullCopies,
    folder: wish.folder,
    env: process.env,
    progress,
  });
}

async function compare(wish: ParityFlags, command: readonly string[]): Promise<void> {
  const progress = new Progress(process.stderr);
  const trial = openTrial(wish, command, progress);
  const done = closeOnSignals(trial);
  progress.say(`dte parity: nx ${command.join(' ')}`);
  try {
    const result = await trial.run();
    process.stdout.write(wish.json ? `${reportJson(result)}\n` : reportText(result, pc));
    process.exitCode = conclude(result).exitCode;
  } catch (error) {
    // After Ctrl-C, everything fails.
    if (!trial.isClosing) untried(error, wish.json);
  } finally {
    await trial.close(wish.keep);
    done();
    if (wish.keep) progress.say(`The copies and logs are in ${trial.root}`);
  }
}

async function parity(words: readonly string[], flags: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    await compare(readParityFlags(flags), words.length === 0 ? USUAL_COMMAND : withoutName(words));
  } catch (error) {
    untried(error, flags['json'] === true);
  }
}

export function parityCommand(): Command {
  const command = new Command('parity')
    .description('try distribution in this workspace: run an nx command plain and distributed, and compare')
    .usage('[options] [-- nx command...]')
    .argument('[nx-command...]', `the nx command; default: nx ${USUAL_COMMAND.join(' ')}`)
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(parity);
  for (const [flag, help, each] of PARITY_FLAGS) {
    if (each === undefined) command.option(flag, help);
    else command.option(flag, help, each, []);
  }
  return command;
}
