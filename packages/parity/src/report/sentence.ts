import { plural } from '@org/dte-protocol';
import type { PlainFault } from '../compare/judge';
import type { ExitCode, ParityResult, Round } from '../run/result';

/** Names that a sentence lists. Not configurable: the report has all of them. */
const NAMED = 3;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''}`;

const tasksOf = ({ rounds }: ParityResult): number =>
  Object.keys(rounds[0]?.distributed.observation.tasks ?? {}).length;

export const ranOnAgents = ({ places }: Round): number =>
  [...places.values()].filter((place) => place.startsWith('agent-')).length;

/** What plain Nx did wrong, without a full stop. */
export function describeFault({ failed, unrun }: PlainFault): string {
  const parts = [
    ...(failed.length > 0 ? [`although ${plural(failed.length, 'task')} failed (${listed(failed)})`] : []),
    ...(unrun.length > 0 ? [`before ${plural(unrun.length, 'task')} had run (${listed(unrun)})`] : []),
  ];
  return `Plain Nx is wrong here: it ended with exit code 0 ${parts.join(', and ')}`;
}

function whyNot(result: ParityResult): string {
  const tasks = [
    ...new Set(result.rounds.flatMap(({ verdict }) => verdict.differences.map(({ task }) => task))),
  ];
  const named = tasks.filter(Boolean);
  if (named.length === 0) return 'the exit codes differ';
  return `${named.length} of ${plural(tasksOf(result), 'task')} ${named.length === 1 ? 'differs' : 'differ'} (${listed(named)})`;
}

/** What failed or was skipped on both sides says nothing about a run in which it passes. */
function untested(round: Round): string {
  const count = (status: string): number =>
    Object.values(round.distributed.observation.tasks).filter((task) => task.status === status).length;
  const [failed, skipped] = [count('failure'), count('skipped')];
  if (failed === 0) return '';
  const more = skipped === 0 ? '' : ` and ${skipped} ${skipped === 1 ? 'was' : 'were'} skipped`;
  return ` ${plural(failed, 'task')} failed on both sides${more}: compare again when ${failed === 1 ? 'it passes' : 'they pass'}.`;
}

/** What two plain runs do not agree on says nothing about distribution either. */
function unstable({ verdict }: Round): string {
  const tasks = [...new Set(verdict.unstable.map(({ task }) => task).filter(Boolean))];
  if (tasks.length === 0) return '';
  const differ = tasks.length === 1 ? 'differs' : 'differ';
  return ` ${plural(tasks.length, 'task')} ${differ} between two plain runs too, so part of them could not be compared (${listed(tasks)}).`;
}

function ifSafe(result: ParityResult, cold: Round): string {
  const { fault, uncompared } = cold.verdict;
  const compared = tasksOf(result) - uncompared.length;
  const same = `Safe to distribute: ${plural(compared, 'task')} gave the same results on both sides.`;
  const wrong = fault === null ? '' : ` ${describeFault(fault)}; the distributed run did not.`;
  const rest = uncompared.length === 0 ? '' : ` Not compared: ${listed(uncompared)}.`;
  return `${same}${unstable(cold)}${wrong}${rest}${untested(cold)}`;
}

/** The whole result in one sentence, and the exit code. */
export function conclude(result: ParityResult): { readonly sentence: string; readonly exitCode: ExitCode } {
  const [cold] = result.rounds;
  const differs = result.rounds.some(({ verdict }) => verdict.differences.length > 0);
  if (cold === undefined) return { sentence: 'Could not be tried: nothing ran.', exitCode: 2 };
  if (differs) return { sentence: `Not safe yet: ${whyNot(result)}.`, exitCode: 1 };
  if (ranOnAgents(cold) === 0) {
    const cached = [...cold.places.values()].filter((place) => place === 'cache').length;
    const why =
      cached > 0
        ? `${plural(cached, 'task')} came from a cache and none ran on an agent; add --skip-nx-cache to the nx command`
        : 'no task ran on an agent';
    return { sentence: `Could not be tried: ${why}.`, exitCode: 2 };
  }
  if (result.changedModules.length > 0) {
    const files = listed(result.changedModules);
    return {
      sentence: `Could not be tried: tasks change files in node_modules (${files}), which the copies share; add --full-copies.`,
      exitCode: 2,
    };
  }
  return { sentence: ifSafe(result, cold), exitCode: 0 };
}
