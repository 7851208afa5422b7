import type { FileFacts } from './file-facts';

/** The compared properties of one task. */
export interface TaskFacts {
  readonly status: string;
  readonly code: number | null;
  /** Normalised. */
  readonly terminalOutput: string;
  readonly ends: number;
  /** Of its outputs. */
  readonly files: FileFacts;
}

/** The compared properties of one command. */
export interface Observation {
  readonly exitCode: number | string;
  /** Whether Nx has ended the command itself, with its summary. */
  readonly completed: boolean;
  readonly tasks: Readonly<Record<string, TaskFacts>>;
}

export type Aspect = 'exit code' | 'tasks' | 'status' | 'code' | 'ends' | 'terminal output' | 'file';

export interface Difference {
  /** Empty: the whole command. */
  readonly task: string;
  readonly aspect: Aspect;
  /** Path of a file, relative to the workspace. */
  readonly path?: string;
  readonly plain: string;
  readonly distributed: string;
}

const ABSENT = 'absent';

/** The first line in which two texts differ, on both sides. */
export function firstDifference(left: string, right: string): [string, string] {
  const [lefts, rights] = [left.split('\n'), right.split('\n')];
  const at = lefts.findIndex((line, index) => line !== rights[index]);
  const line = at < 0 ? lefts.length : at;
  const show = (lines: string[]): string =>
    line < lines.length
      ? `line ${line + 1} of ${lines.length}: ${JSON.stringify(lines[line])}`
      : 'ends before';
  return [show(lefts), show(rights)];
}

function* compareFiles(task: string, plain: FileFacts, distributed: FileFacts): Generator<Difference> {
  for (const path of new Set([...Object.keys(plain), ...Object.keys(distributed)].sort())) {
    const [here, there] = [plain[path] ?? ABSENT, distributed[path] ?? ABSENT];
    if (here !== there) yield { task, aspect: 'file', path, plain: here, distributed: there };
  }
}

function* compareTask(task: string, plain: TaskFacts, distributed: TaskFacts): Generator<Difference> {
  for (const aspect of ['status', 'code', 'ends'] as const) {
    const [here, there] = [String(plain[aspect]), String(distributed[aspect])];
    if (here !== there) yield { task, aspect, plain: here, distributed: there };
  }
  if (plain.terminalOutput !== distributed.terminalOutput) {
    const [here, there] = firstDifference(plain.terminalOutput, distributed.terminalOutput);
    yield { task, aspect: 'terminal output', plain: here, distributed: there };
  }
  yield* compareFiles(task, plain.files, distributed.files);
}

/** All differences between the results of a distributed and a plain command. */
export function compare(plain: Observation, distributed: Observation): Difference[] {
  const differences: Difference[] = [];
  if (plain.exitCode !== distributed.exitCode) {
    const [here, there] = [String(plain.exitCode), String(distributed.exitCode)];
    differences.push({ task: '', aspect: 'exit code', plain: here, distributed: there });
  }
  for (const task of new Set([...Object.keys(plain.tasks), ...Object.keys(distributed.tasks)].sort())) {
    const [here, there] = [plain.tasks[task], distributed.tasks[task]];
    if (here !== undefined && there !== undefined) differences.push(...compareTask(task, here, there));
    else {
      const say = (facts: TaskFacts | undefined): string => facts?.status ?? 'no such task';
      differences.push({ task, aspect: 'tasks', plain: say(here), distributed: say(there) });
    }
  }
  return differences;
}

/** The same place in the same task, whatever its content. */
export const placeOf = ({ task, aspect, path = '' }: Difference): string => `${task}\0${aspect}\0${path}`;
