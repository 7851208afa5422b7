import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CannotTry } from '../model/cannot-try';
import type { Copy } from '../copies/copies';
import type { Jobs } from './jobs';

const plannedTask = z.object({
  id: z.string(),
  project: z.string(),
  target: z.string(),
  place: z.enum(['agents', 'cached', 'main', 'nothing']),
});
const plannedWork = z.object({ tasks: z.array(plannedTask) });

/** A task of the command, and where it would run. */
export type PlannedTask = z.infer<typeof plannedTask>;

/** How long Nx may take to build its project graph and to hash the tasks. Not configurable: `--timeout` is for the tasks. */
const PLAN_MS = 15 * 60_000;
/** Last lines of a failed command that are shown. Not configurable: only text of a message. */
const LAST_LINES = 20;

/** The last lines of an output, for messages. */
export const lastLines = (output: string, lines = LAST_LINES): string =>
  output
    .trim()
    .split('\n')
    .slice(-lines)
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');

/**
 * What the command would do, as `dte plan` asks it: Nx calls our tasks runner, which writes the task graph to a file.
 * @throws CannotTry if Nx rejects the command or does not call our tasks runner
 */
export async function planOf(jobs: Jobs, copy: Copy, command: readonly string[]): Promise<PlannedTask[]> {
  const file = join(copy.folder, 'plan.json');
  const [child, recorder] = jobs.recorded(copy, 'plan', command, { DTE_PLAN_FILE: file });
  const exit = await child.end(PLAN_MS);
  if (existsSync(file)) return plannedWork.parse(JSON.parse(readFileSync(file, 'utf8'))).tasks;
  const name = `nx ${command.join(' ')}`;
  if (exit.timedOut) throw new CannotTry(`Nx has not determined the tasks of \`${name}\` in 15 minutes.`);
  if (Object.keys(recorder.read()?.tasks ?? {}).length > 0)
    throw new CannotTry(`Nx does not call @org/dte for \`${name}\`. Run \`npx dte doctor\` to find out why.`);
  // Nx calls no tasks runner if there is nothing to do.
  if (exit.code === 0) return [];
  throw new CannotTry(`Nx rejects \`${name}\`:\n${lastLines(child.output())}`);
}
