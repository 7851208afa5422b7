import { resolveNx } from '../install/nx-install';
import type { NxTask } from '../model/types';

interface UtilsModule {
  shouldStreamOutput: (task: NxTask, initiatingProject: string | null) => boolean;
}

/** The arguments of the command that affect streaming; the two later names replace `outputStyle` on 23 and 24. */
export interface StreamArgs {
  outputStyle?: unknown;
  specifiedOutputStyle?: unknown;
  resolvedOutputStyle?: unknown;
}

/** `static-failures-only` was added in 23; an older Nx does not know the name and streams as if none was given. */
const isStatic = (major: number, style: unknown): boolean =>
  style === 'static' || (major >= 23 && style === 'static-failures-only');

/**
 * Whether Nx would show this task's output while it runs, if it ran here. Nx itself answers for NX_STREAM_OUTPUT, for
 * servers and for the project for which the command was started; the styles are decided before that.
 * @param initiatingProject the project of `nx run`; null for run-many and affected
 */
export function shouldStreamOutput(
  task: NxTask,
  initiatingProject: string | null | undefined,
  args: StreamArgs = {},
  workspaceRoot?: string,
): boolean {
  const nx = resolveNx(workspaceRoot);
  const named = nx.major < 23 ? args.outputStyle : args.specifiedOutputStyle;
  if (isStatic(nx.major, named) || args.resolvedOutputStyle === 'summary') return false;
  return nx.load<UtilsModule>('src/tasks-runner/utils').shouldStreamOutput(task, initiatingProject ?? null);
}
