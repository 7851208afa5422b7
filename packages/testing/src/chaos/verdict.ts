import type { FileFacts, RecordedTasks } from '@org/dte-parity';
import type { ProcessExit } from '../process';
import type { JournalEntry } from '../workspace';
import type { Injection } from './inject';
import { type Accepted, acceptedTwice } from './observe';
import { CHAOS_TASKS, exitCodeOf, expectedStatuses, type Status } from './workspace';

export type ViolationKind = 'wrongExit' | 'lostTasks' | 'lostOutputs' | 'doubleAccepted' | 'leftovers';

export interface Violation {
  readonly kind: ViolationKind;
  readonly what: string;
}

/** How a process ended. */
export type End = Pick<ProcessExit, 'code' | 'signal' | 'output'>;

/** What was seen of one run when it was over. */
export interface Evidence {
  /** Tasks that fail in plain Nx as well. */
  readonly failing: ReadonlySet<string>;
  readonly injections: readonly Pick<Injection, 'kind' | 'atMs' | 'killedTask' | 'killedMachine'>[];
  /** Tries of the main job that were ended, and the last one, which was not. */
  readonly interrupted: readonly End[];
  readonly end: End;
  readonly tasks: RecordedTasks;
  /** Of the main job's workspace, and of one in which the same command ran locally. */
  readonly files: FileFacts;
  readonly expectedFiles: FileFacts;
  readonly journal: readonly JournalEntry[];
  readonly accepted: readonly Accepted[];
  readonly agents: Readonly<Record<string, End>>;
  readonly complete: End;
  readonly leftovers: readonly string[];
}

const FULL = /DTE_DISK_FULL|ENOSPC|[Nn]o space left/;
const say = ({ code, signal }: End): string => String(code ?? signal);

/** Nx says nothing of a task that could not run because another one failed. */
const statusOf = (status = 'skipped'): Status => (status.includes('cache') ? 'success' : (status as Status));

/**
 * Tasks whose own process a fault ended, and that have failed: that is how such a task ends in plain Nx, too. One that ran to its
 * end elsewhere or again has succeeded.
 */
export function failedByKill(evidence: Pick<Evidence, 'injections' | 'tasks'>): Set<string> {
  const killed = evidence.injections.flatMap(({ killedTask }) =>
    killedTask === null ? [] : [killedTask.id],
  );
  return new Set(killed.filter((id) => statusOf(evidence.tasks[id]?.status) === 'failure'));
}

function* exits(evidence: Evidence, expected: Record<string, Status>, hasRoom: boolean): Generator<string> {
  const made = new Set(evidence.injections.map(({ kind }) => kind));
  for (const end of evidence.interrupted) {
    const isRight =
      (made.has('kill main') && end.signal === 'SIGKILL') || (made.has('term main') && end.code === 143);
    if (!isRight) yield `the main job ended with ${say(end)} instead of the signal that it was sent`;
  }
  const { code } = evidence.end;
  const wanted = exitCodeOf(Object.values(expected));
  if (hasRoom && code !== wanted) yield `the main job ended with ${say(evidence.end)} instead of ${wanted}`;
  // Without room any task may fail, and Nx itself; the exit code has to say so.
  const all = Object.keys(expected).map((id) => statusOf(evidence.tasks[id]?.status));
  if (!hasRoom && code === 0 && exitCodeOf(all) !== 0)
    yield 'the main job ended with 0 although not all succeeded';
  if (evidence.complete.code !== 0) yield `complete-ci-run ended with ${say(evidence.complete)}`;
  const killed = new Set(evidence.injections.map(({ killedMachine }) => killedMachine));
  for (const [name, end] of Object.entries(evidence.agents)) {
    const isRight = end.code === 0 || (end.signal === 'SIGKILL' && killed.has(name));
    // An agent that never reaches its coordinator says so with its exit code.
    if (!isRight && !(end.code === 1 && end.output.includes('DTE_UNREACHABLE')))
      yield `${name} ended with ${say(end)}`;
  }
}

function* tasks(evidence: Evidence, expected: Record<string, Status>, hasRoom: boolean): Generator<string> {
  const completed = new Set(evidence.journal.filter(({ what }) => what === 'end').map(({ id }) => id));
  for (const [id, wanted] of Object.entries(expected)) {
    const found = statusOf(evidence.tasks[id]?.status);
    // A main job without room may fail a task whose outputs it cannot keep, and then skips what depends on it.
    if (found !== wanted && (hasRoom || found === 'success')) yield `${id} is ${found} instead of ${wanted}`;
    if (found === 'success' && !completed.has(id)) yield `${id} is a success and ran nowhere to its end`;
  }
  yield* survivors(evidence);
}

/** A task whose process was ended has not succeeded, unless it ran another time. */
function* survivors({ injections, tasks: recorded, journal }: Evidence): Generator<string> {
  for (const { killedTask } of injections) {
    if (killedTask === null || statusOf(recorded[killedTask.id]?.status) !== 'success') continue;
    const ended = journal.some(({ id, what }) => id === killedTask.id && what === 'end');
    if (!ended) yield `${killedTask.id} is a success although its process was ended`;
  }
}

function* outputs({ files, expectedFiles, tasks: recorded }: Evidence): Generator<string> {
  const all = new Set([...Object.keys(files), ...Object.keys(expectedFiles)]);
  const unfinished = new Set(
    Object.entries(CHAOS_TASKS).flatMap(([id, { writes }]) =>
      writes !== null && statusOf(recorded[id]?.status) !== 'success' ? [writes] : [],
    ),
  );
  const isOfUnfinished = (path: string): boolean =>
    [...unfinished].some((file) => file === path || file.startsWith(`${path}/`));
  for (const path of [...all].sort()) {
    const [found, wanted] = [files[path] ?? 'absent', expectedFiles[path] ?? 'absent'];
    if (found !== wanted && !isOfUnfinished(path)) yield `${path}: ${found} instead of ${wanted}`;
  }
}

function* acceptances({ accepted, tasks: recorded }: Evidence): Generator<string> {
  yield* acceptedTwice(accepted).map((each) => `accepted by the coordinator: ${each}`);
  for (const [id, { ends }] of Object.entries(recorded))
    if (ends > 1) yield `accepted by the main job: ${id}: ${ends} times`;
}

/** Everything in which a run differs from what it has to be. Empty: it held. */
export function judge(evidence: Evidence): Violation[] {
  const expected = expectedStatuses(new Set([...evidence.failing, ...failedByKill(evidence)]));
  const isFull = evidence.injections.some(({ kind }) => kind === 'disk-full main');
  // Only a main job that says why may fail where plain Nx would have had room.
  const hasRoom = !isFull || !FULL.test(evidence.end.output);
  const all: [ViolationKind, Iterable<string>][] = [
    ['wrongExit', exits(evidence, expected, hasRoom)],
    ['lostTasks', tasks(evidence, expected, hasRoom)],
    ['lostOutputs', outputs(evidence)],
    ['doubleAccepted', acceptances(evidence)],
    ['leftovers', evidence.leftovers],
  ];
  return all.flatMap(([kind, found]) => [...found].map((what) => ({ kind, what })));
}

/**
 * From a fault to the next result of what it had disturbed, as the coordinator or the main job accepted it; null when nothing was.
 */
export function recoveryMs(
  { atMs, disturbed }: Pick<Injection, 'atMs' | 'disturbed'>,
  { accepted, journal }: Pick<Evidence, 'accepted' | 'journal'>,
): number | null {
  const concerned = new Set(disturbed);
  const onMain = journal.filter(({ what, machine }) => what === 'end' && machine.startsWith('main'));
  const times = [
    ...accepted.filter(({ task }) => concerned.has(task)).map((each) => each.atMs),
    ...onMain.filter(({ id }) => concerned.has(id)).map(({ at }) => at),
  ]
    .map((acceptedAtMs) => acceptedAtMs - atMs)
    .filter((ms) => ms >= 0);
  return times.length === 0 ? null : Math.min(...times);
}
