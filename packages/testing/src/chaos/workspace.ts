import {
  DEFAULT_NX_VERSION,
  type FileContent,
  Fleet,
  install,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  type SampleProject,
} from '../workspace';

/** Project -> those it depends on. */
const PROJECTS: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b: [],
  c: ['a', 'b'],
  d: [],
  e: ['c', 'd'],
};
const NAMES = Object.keys(PROJECTS);

/** The task that fails in some runs; `e` depends on it. */
const FAILING = 'd:build';

/** 15 tasks. A command with `--nxBail` would be over before most faults. */
export const CHAOS_COMMAND = [
  'run-many',
  '-t',
  'lint,build,test',
  '--parallel=2',
  '--output-style=static',
] as const;

export interface ChaosTask {
  readonly needs: readonly string[];
  /** Path of the file that it writes, relative to the workspace. */
  readonly writes: string | null;
}

const outputOf = (project: string, target: string): string => `dist/${target}/${project}/out.txt`;

function taskOf(project: string, target: string): ChaosTask {
  const below = (PROJECTS[project] ?? []).map((name) => `${name}:build`);
  if (target === 'lint') return { needs: [], writes: null };
  if (target === 'build') return { needs: below, writes: outputOf(project, target) };
  return { needs: [`${project}:build`], writes: outputOf(project, target) };
}

/** All tasks of the command, and what they need. */
export const CHAOS_TASKS: Readonly<Record<string, ChaosTask>> = Object.fromEntries(
  NAMES.flatMap((project) =>
    ['lint', 'build', 'test'].map((target) => [`${project}:${target}`, taskOf(project, target)]),
  ),
);

/** 0.2 to 2 s, different ones, so that the order in which tasks end is not that in which they start. */
const sleepOf = (id: string): number => 200 + ((Object.keys(CHAOS_TASKS).indexOf(id) * 739) % 1_800);

function commandOf(id: string, fails: boolean): string {
  const { needs, writes } = CHAOS_TASKS[id]!;
  const files = needs.map((task) => CHAOS_TASKS[task]!.writes).join(',');
  return sampleCommand(id, {
    ...(files === '' ? {} : { needs: files }),
    // Enough for a slow link to be seen, and incompressible: each byte of an artifact matters.
    ...(writes === null ? {} : { writes, fill: 40 }),
    lines: 3,
    sleep: sleepOf(id),
    ...(fails && id === FAILING ? { exit: 3 } : {}),
  });
}

function projectOf(name: string, fails: boolean): SampleProject {
  const outputs = (target: string): string[] => [`{workspaceRoot}/dist/${target}/{projectName}`];
  const command = (target: string): string => commandOf(`${name}:${target}`, fails);
  return {
    root: `libs/${name}`,
    dependsOn: [...(PROJECTS[name] ?? [])],
    targets: {
      lint: { cache: true, command: command('lint') },
      build: { cache: true, dependsOn: ['^build'], outputs: outputs('build'), command: command('build') },
      // What is not cached goes another way: its outputs are stored for its attempt.
      test: { cache: name !== 'b', dependsOn: ['build'], outputs: outputs('test'), command: command('test') },
    },
  };
}

/** A workspace of 15 short tasks, of which one fails if wanted. The caller closes the fleet. */
export function chaosFleet(fails: boolean): Fleet {
  const projects = Object.fromEntries(NAMES.map((name) => [name, projectOf(name, fails)]));
  const files: Record<string, FileContent> = sampleFiles(projects, sampleNxJson());
  return Fleet.create({
    install: install({ nx: DEFAULT_NX_VERSION }),
    files,
    // Half of what a small nx command costs otherwise, and no part of what is tried here.
    env: { NX_ISOLATE_PLUGINS: 'false', NX_SKIP_NATIVE_FILE_CACHE: 'true' },
  });
}

export type Status = 'success' | 'failure' | 'skipped';

/**
 * How each task ends in plain Nx if these tasks fail.
 */
export function expectedStatuses(failing: ReadonlySet<string>): Record<string, Status> {
  const statuses: Record<string, Status> = {};
  const statusOf = (id: string): Status =>
    (statuses[id] ??= (CHAOS_TASKS[id]?.needs ?? []).some((needed) => statusOf(needed) !== 'success')
      ? 'skipped'
      : failing.has(id)
        ? 'failure'
        : 'success');
  Object.keys(CHAOS_TASKS).forEach(statusOf);
  return statuses;
}

/**
 * How a command ends whose tasks end like this: from 23 on, Nx says 130 when a task could not run because another one failed.
 */
export function exitCodeOf(all: readonly Status[]): number {
  if (all.includes('skipped')) return 130;
  return all.every((status) => status === 'success') ? 0 : 1;
}

export const failingIn = (fails: boolean): ReadonlySet<string> => new Set(fails ? [FAILING] : []);
