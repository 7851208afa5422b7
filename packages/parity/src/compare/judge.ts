import { compare, type Difference, type Observation, placeOf } from './compare';
import { sameLines } from './log-text';
import { comparableText, type Place } from './same-file';

/** One run of the command, and where its outputs are. */
export interface Side extends Place {
  readonly observation: Observation;
}

/** Where plain Nx itself is wrong. */
export interface PlainFault {
  /** It ended with 0 although these tasks failed. */
  readonly failed: readonly string[];
  /** It ended before these tasks had run, without a summary. */
  readonly unrun: readonly string[];
}

/** What a comparison means. */
export interface Verdict {
  /** These speak against distribution. */
  readonly differences: readonly Difference[];
  /** Two plain runs differ there as well. */
  readonly unstable: readonly Difference[];
  /** There, the distributed run is right and plain Nx is wrong. */
  readonly ofPlainNx: readonly Difference[];
  readonly fault: PlainFault | null;
  /** Tasks without a result to compare with. */
  readonly uncompared: readonly string[];
}

const FAILED = 'failure';
const isUnended = (facts: Observation['tasks'][string] | undefined): boolean =>
  facts === undefined || facts.ends === 0;

const failedIn = ({ tasks }: Observation): string[] =>
  Object.keys(tasks).filter((id) => tasks[id]?.status === FAILED);

/** A run that Nx ended regularly, with an exit code that is true. */
const isTrue = (run: Observation): boolean =>
  run.completed && (run.exitCode === 0) === (failedIn(run).length === 0);

/**
 * Whether the plain run contradicts itself: Nx ended with 0 although a task failed, or in the middle of the command. The
 * distributed run is the better one only if it does not contradict itself and ran everything.
 */
export function plainFault(plain: Observation, distributed: Observation): PlainFault | null {
  if (plain.exitCode !== 0 || !isTrue(distributed)) return null;
  const failed = failedIn(plain);
  const unrun = plain.completed
    ? []
    : Object.keys(distributed.tasks).filter((id) => isUnended(plain.tasks[id]));
  const lost = Object.keys(plain.tasks).some((id) => isUnended(distributed.tasks[id]));
  return (failed.length > 0 || unrun.length > 0) && !lost ? { failed, unrun } : null;
}

/** Whether a difference is only that plain Nx did not do, or did not say, what it should have. */
function isOfPlainNx({ task, aspect }: Difference, fault: PlainFault, distributed: Observation): boolean {
  if (task !== '') return fault.unrun.includes(task);
  return aspect === 'exit code' && distributed.exitCode !== 0 && failedIn(distributed).length > 0;
}

/** Whether a difference is none: the same lines in another order, or the same text with other times. */
function isSame({ task, aspect, path, ...facts }: Difference, left: Side, right: Side): boolean {
  if (aspect === 'terminal output') {
    const [one, other] = [left, right].map(({ observation }) => observation.tasks[task]?.terminalOutput);
    return one !== undefined && other !== undefined && sameLines(one, other);
  }
  if (aspect !== 'file' || path === undefined) return false;
  const [kind, mode] = facts.plain.split(' ');
  if (kind !== 'file' || !facts.distributed.startsWith(`file ${mode} `)) return false;
  const text = comparableText(path, left);
  return text !== null && text === comparableText(path, right);
}

const differencesOf = (left: Side, right: Side): Difference[] =>
  compare(left.observation, right.observation).filter((one) => !isSame(one, left, right));

/** The same run as if it had had this task only. */
const only = (side: Side, id: string): Side => {
  const facts = side.observation.tasks[id];
  const tasks = facts === undefined ? {} : { [id]: facts };
  return { ...side, observation: { exitCode: 0, completed: true, tasks } };
};

const hasRun = ({ observation }: Side, id: string): boolean => !isUnended(observation.tasks[id]);

export interface Runs {
  readonly plain: Side;
  readonly distributed: Side;
  /** Plain runs of some tasks, once more. */
  readonly again: readonly Side[];
}

/** Places in which two plain runs differ. */
function unstablePlaces({ plain, again }: Runs): ReadonlySet<string> {
  const places = new Set<string>();
  for (const run of again) {
    for (const id of Object.keys(run.observation.tasks)) {
      if (!hasRun(run, id) || !hasRun(plain, id)) continue;
      for (const difference of differencesOf(only(plain, id), only(run, id))) places.add(placeOf(difference));
    }
  }
  return places;
}

/** Sorts the differences of two runs by what they mean. */
export function judge(runs: Runs): Verdict {
  const { plain, distributed, again } = runs;
  const fault = plainFault(plain.observation, distributed.observation);
  const found = differencesOf(plain, distributed);
  const ofPlainNx = found.filter((one) => fault !== null && isOfPlainNx(one, fault, distributed.observation));
  const rest = found.filter((one) => !ofPlainNx.includes(one));
  const places = unstablePlaces(runs);
  const late = (fault?.unrun ?? []).map((id) => ({ id, run: again.find((side) => hasRun(side, id)) }));
  return {
    differences: [
      ...rest.filter((one) => !places.has(placeOf(one))),
      ...late.flatMap(({ id, run }) =>
        run === undefined ? [] : differencesOf(only(run, id), only(distributed, id)),
      ),
    ],
    unstable: rest.filter((one) => places.has(placeOf(one))),
    ofPlainNx,
    fault,
    uncompared: late.flatMap(({ id, run }) => (run === undefined ? [id] : [])),
  };
}
