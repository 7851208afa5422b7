import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  type JournalEntry,
  type ProcessExit,
  type ProcessInfo,
  processesBelow,
  readJournal,
  type RunningProcess,
} from '@org/dte-testing';
import { parse } from 'yaml';
import { plain } from '../../support/log';
import { fileNameOf, startInterpreter, STATE, type Verdict, verdictsOf } from './interpreter';

export interface PipelineOptions {
  /** Predefined variables that the interpreter lacks or sets differently; rules can use them too. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Predefined variables that this kind of pipeline does not have. */
  readonly without?: readonly string[];
  /** Only these jobs; omitted: all. */
  readonly jobs?: readonly string[];
  /** Added to the environment of its jobs, like the configuration of a runner. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Surroundings {
  readonly clone: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly number: number;
  /** A job's script has ended, with any result. */
  onJobEnd(job: string): void;
}

/** The part of an expanded pipeline that we read. */
type Expanded = Record<
  string,
  {
    id_tokens?: Record<string, { aud: string | string[] }>;
    artifacts?: { reports?: Partial<Record<'junit' | 'annotations', string>> };
  }
>;

/** A link on the page of a job. */
export interface Annotation {
  readonly label: string;
  readonly url: string;
}

/** Jobs install their packages: on a busy machine that takes minutes. */
const DEADLINE_MS = 800_000;
const LAST_LINES = 80;
/** GitLab's limit of a JUnit report. */
const JUNIT_BYTES = 30_000_000;

/** `agent: [2/3]`: one of several jobs from one definition. GitLab itself names it `agent 2/3`. */
const PARALLEL = /: \[(\d+\/\d+)\]$/;
export const gitlabNameOf = (job: string): string => job.replace(PARALLEL, ' $1');

const withOptions = ({ variables = {}, without = [] }: PipelineOptions): string[] => [
  ...Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`]),
  // It warns about predefined variables among them, which are intended here.
  '--ignore-predefined-vars',
  Object.keys(variables).join(','),
  ...without.flatMap((name) => ['--unset-variable', name]),
];

/** Takes text as it arrives, and emits complete lines. */
function linesTo(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  };
}

/** `.gitlab-ci.yml` with includes, extends and references resolved. @throws Error if it is invalid */
export async function expandPipeline(
  clone: string,
  env: NodeJS.ProcessEnv,
  options: PipelineOptions = {},
): Promise<Expanded> {
  const exit = await startInterpreter(clone, ['--preview', ...withOptions(options)], env).end();
  if (exit.code !== 0) throw new Error(`The pipeline is not valid:\n${plain(exit.output)}`);
  return parse(exit.stdout) as Expanded;
}

/**
 * The interpreter looks for a child pipeline's file in a folder with the name of its job, and keeps artifacts in one with
 * the encoded name. Without the file, it runs a child pipeline without jobs.
 */
function linkArtifacts(clone: string, jobs: readonly string[]): void {
  const folder = join(clone, STATE, 'artifacts');
  mkdirSync(folder, { recursive: true });
  for (const job of jobs.filter((name) => !name.includes('/') && fileNameOf(name) !== name)) {
    if (lstatSync(join(folder, job), { throwIfNoEntry: false }) === undefined)
      symlinkSync(fileNameOf(job), join(folder, job));
  }
}

/** One pipeline that runs or has run. */
export class PipelineRun {
  private constructor(
    private readonly surroundings: Surroundings,
    private readonly expanded: Expanded,
    readonly process: RunningProcess,
    /** Of its jobs, in addition to what GitLab sets. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(surroundings: Surroundings, options: PipelineOptions): Promise<PipelineRun> {
    const { clone, env, onJobEnd } = surroundings;
    const expanded = await expandPipeline(clone, env, options);
    linkArtifacts(clone, Object.keys(expanded));
    // With --needs it is a separate pipeline with its own id, not another job of the last one.
    const jobs = options.jobs === undefined ? [] : ['--needs', ...options.jobs];
    const args = [...jobs, ...withOptions(options)];
    const interpreter = startInterpreter(
      clone,
      args,
      env,
      linesTo((line) => {
        const [, job] = /^\s*(?:\[[^\]]+\] -> )*(\S.*?) +finished in /.exec(plain(line)) ?? [];
        if (job !== undefined) onJobEnd(job);
      }),
    );
    return new PipelineRun(surroundings, expanded, interpreter, options.env ?? {});
  }

  /** Waits until all jobs have ended. Exit code 0: the pipeline passed. */
  async end(): Promise<ProcessExit> {
    return await this.process.end(DEADLINE_MS);
  }

  /** Job -> its result, when all have ended. */
  get verdicts(): Record<string, Verdict> {
    return verdictsOf(plain(this.process.output()));
  }

  /** The log of a job, as GitLab would show it. */
  log(job: string): string {
    const path = join(this.state, 'output', `${fileNameOf(job)}.log`);
    return existsSync(path) ? plain(readFileSync(path, 'utf8')) : '';
  }

  /** Names of the sections in the log of a job, which have an end. The interpreter shows names, and no headers. */
  sections(job: string): string[] {
    const log = this.log(job);
    const names = [...log.matchAll(/^(\S+)_started$/gm)].map(([, name = '']) => name);
    return names.filter((name) => log.includes(`\n${name} took `));
  }

  /** The test cases that GitLab reads from a job (`artifacts:reports:junit`), whatever its result; null: it has no report. */
  junit(job: string): string | null {
    const text = this.report(job, 'junit');
    // GitLab's limit of a file.
    if (text !== null && text.length >= JUNIT_BYTES) throw new Error('GitLab does not read this report.');
    return text;
  }

  /** The links that GitLab shows on the page of a job (`artifacts:reports:annotations`), whatever its result. */
  annotations(job: string): Annotation[] {
    const sections = JSON.parse(this.report(job, 'annotations') ?? '{}') as Record<
      string,
      { external_link: Annotation }[]
    >;
    return Object.values(sections).flatMap((links) => links.map(({ external_link: link }) => link));
  }

  /** The interpreter knows only `dotenv`. A runner uploads reports always; a missing file is a warning. */
  private report(job: string, kind: 'junit' | 'annotations'): string | null {
    const path = this.expanded[job.replace(PARALLEL, '')]?.artifacts?.reports?.[kind];
    if (path === undefined || this.verdicts[job] === undefined) return null;
    const file = join(this.folderOf(job), path);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  }

  /** The clone of a job. */
  folderOf(job: string): string {
    return join(this.state, 'builds', fileNameOf(job));
  }

  /** Path of a file among the artifacts of a job. */
  artifact(job: string, path: string): string {
    return join(this.state, 'artifacts', fileNameOf(job), path);
  }

  /** Processes that work in the clone of a job. */
  processesOf(job: string): ProcessInfo[] {
    return processesBelow(this.folderOf(job));
  }

  get journalFile(): string {
    return join(this.surroundings.folder, `journal-${this.surroundings.number}`);
  }

  /** What the sample tasks of this pipeline have recorded so far. */
  journal(): JournalEntry[] {
    return readJournal(this.journalFile);
  }

  /** Variable -> audience of the id tokens that a job must get. */
  idTokensOf(job: string): Record<string, string | string[]> {
    const definition = this.expanded[job.replace(PARALLEL, '')];
    if (definition === undefined) throw new Error(`The pipeline has no job ${job}.`);
    return Object.fromEntries(
      Object.entries(definition.id_tokens ?? {}).map(([variable, { aud }]) => [variable, aud]),
    );
  }

  /** The end of the whole log, for troubleshooting. */
  describe(): string {
    return plain(this.process.output()).split('\n').slice(-LAST_LINES).join('\n');
  }

  private get state(): string {
    return join(this.surroundings.clone, STATE);
  }
}
