import { nxOutputs, nxReader } from '@org/dte-client';
import { openCache } from '@org/dte-nx-compat';
import { plural } from '@org/dte-protocol';
import { Command } from 'commander';
import {
  ArtifactRestorer,
  chooseOutputs,
  dataDirOf,
  ensureCoordinator,
  newestOutputs,
  obeyCacheTrust,
  openMainDisk,
  type OutputIndex,
  readOutputIndexes,
  size,
  toNxTask,
  type WantedOutput,
} from '@org/dte-runner';
import {
  cliContext,
  joinSession,
  requireRendezvous,
  say,
  sayAside,
  type CliContext,
  type Flags,
} from './context';
import { addFlags } from './option-flags';
import { table } from './table';

const EXAMPLES = `
Examples:
  $ dte outputs                        # what was not downloaded
  $ dte outputs app:build lib:build    # restores the outputs of these tasks
  $ dte outputs --all

Run it in the job that ran the nx command, with restoreOutputs=requested or none.`;

/** Sequentially: outputs of one task may be inside those of another, and the later one wins, as in the run. */
async function download(context: CliContext, wanted: readonly WantedOutput[]): Promise<void> {
  const { resolved, surroundings, workspaceRoot, sessionId } = context;
  const rendezvous = requireRendezvous(context);
  // The coordinator of this job may have ended with its session; its data is still in its folder.
  await ensureCoordinator({
    note: sayAside,
    anew: true,
    resolved,
    surroundings,
    rendezvous,
    sessionId,
    workspaceRoot,
  });
  const session = await joinSession(context, 'main');
  try {
    const remoteCache = { url: session.connection.httpUrl(), token: session.connection.token() };
    const { limits } = resolved;
    const outputs = nxOutputs(workspaceRoot);
    const reader = nxReader({ http: session.http, outputs, limits });
    const cache = await openCache({ workspaceRoot, remoteCache, reader });
    obeyCacheTrust(cache, resolved.config.cacheTrust);
    for (const { index, task } of wanted) {
      const { runId } = index;
      const restorer = new ArtifactRestorer({
        cache,
        http: session.http,
        outputs,
        workspaceRoot,
        runId,
        limits,
      });
      const nxTask = toNxTask(task);
      await restorer.restore(nxTask, task.artifact);
      await openMainDisk({ resolved, workspaceRoot, session, cache }).note([nxTask], () => null);
      say(`dte: ${task.id} · ${task.outputs.join(', ')}`);
    }
  } finally {
    session.close();
  }
}

function list(indexes: readonly OutputIndex[]): void {
  const rows = [...newestOutputs(indexes).values()].map(({ index, task }) => [
    task.id,
    task.bytes === null ? 'unknown' : size(task.bytes),
    task.outputs.join(', '),
    index.command,
  ]);
  say(
    rows.length === 0
      ? 'dte: there are no outputs to download'
      : table(['task', 'size', 'outputs', 'command'], rows),
  );
}

async function outputs(taskIds: string[], flags: Flags & { run?: string; all?: boolean }): Promise<void> {
  const { run, all = false, ...options } = flags;
  const context = cliContext(options);
  const { sessionId } = context;
  const indexes = (await readOutputIndexes(dataDirOf(context.resolved, context.workspaceRoot))).filter(
    (index) => index.sessionId === sessionId && (run === undefined || index.runId === run),
  );
  if (taskIds.length === 0 && !all) {
    list(indexes);
    return;
  }
  const wanted = chooseOutputs(indexes, taskIds, all);
  if (wanted.length > 0) await download(context, wanted);
  say(`dte: ${plural(wanted.length, 'output')} downloaded`);
}

export function outputsCommand(): Command {
  const command = new Command('outputs')
    .description('download outputs that a command did not download (restoreOutputs)')
    .argument('[tasks...]', 'tasks as project:target[:configuration]; default: list the available outputs')
    .option('--run <id>', 'only the outputs of one command')
    .option('--all', 'all outputs')
    .addHelpText('after', EXAMPLES)
    .action(outputs);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir', 'dataDir']);
}
