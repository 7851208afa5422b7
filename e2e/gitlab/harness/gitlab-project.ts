import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type FakeGitlab,
  type FileContent,
  type ProcessExit,
  type ProcessInfo,
  processesBelow,
  RunningProcess,
  signalProcess,
  startFakeGitlab,
  type TestCertificate,
  waitFor,
} from '@org/dte-testing';
import { copyOnce } from './copy-once';
import { ensureInterpreter } from './interpreter';
import { JobEnvironments, type JobVariables } from './job-environment';
import { addToGitlab, upload } from './known-to-gitlab';
import { NpmRegistry } from './npm-registry';
import { gitlabNameOf, PipelineRun, type PipelineOptions } from './pipeline-run';

/** The interpreter gives this id to every project. */
export const PROJECT_ID = 1217;

const GIT_CONFIG =
  '[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n';
const AUTHORITY = 'authority.pem';
const END_MS = 60_000;
/** A developer's command may be an install from a registry. */
const INSTALL_MS = 600_000;

/** Variables for outgoing connections of this machine; the rest of its environment is hidden from the jobs. */
const PASSED_ON = /^(PATH|LANG|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|https?_proxy|no_proxy)$/i;

/** Waits as long as a test can; everything else is as in production. */
const QUICK = { DTE_EMBEDDED_LINGER_MS: '1000' };

const asText = (content: FileContent): string =>
  typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;

export interface GitlabProjectOptions {
  /** Path -> content, not committed yet; includes `.gitignore` and `.npmrc` for the registry of the test. */
  readonly files: Readonly<Record<string, FileContent>>;
  /** The instance has this certificate, and the runner gives it to its jobs. Default: HTTP. */
  readonly certificate?: TestCertificate | null;
}

/**
 * A project on the test's own GitLab instance, with one clone on a developer's machine, and a runner for its pipelines.
 * Everything is below one temporary folder, and nothing of the surrounding machine is visible in it.
 */
export class GitlabProject {
  private environments: JobEnvironments | null = null;
  private readonly runs: PipelineRun[] = [];
  /** Interpreter's name -> id of a running job. */
  private readonly jobIds = new Map<string, string>();

  private constructor(
    readonly folder: string,
    readonly gitlab: FakeGitlab,
    readonly registry: NpmRegistry,
  ) {}

  /** A project with these files. The caller must `close` it. */
  static async create({ files, certificate = null }: GitlabProjectOptions): Promise<GitlabProject> {
    const project = await GitlabProject.empty(certificate);
    project.write({
      '.gitignore': 'node_modules\ndist\ncoverage\n.nx\n',
      '.npmrc': project.registry.npmrc,
      ...files,
    });
    return project;
  }

  /** A project with the files of another repository, including untracked ones. */
  static async copyOf(repository: string): Promise<GitlabProject> {
    const project = await GitlabProject.empty(null);
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: repository,
    });
    const present = listed
      .toString('utf8')
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(repository, path)));
    execFileSync('rsync', ['--archive', '--from0', '--files-from=-', `${repository}/`, `${project.clone}/`], {
      input: present.join('\0'),
    });
    return project;
  }

  private static async empty(certificate: TestCertificate | null): Promise<GitlabProject> {
    ensureInterpreter();
    // A short name: sockets are created below it, and a socket path is limited to about 100 characters.
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dte-')));
    const tls = certificate === null ? {} : { tls: certificate };
    const gitlab = await startFakeGitlab({ projects: [{ id: PROJECT_ID }], ...tls });
    if (certificate !== null) writeFileSync(join(folder, AUTHORITY), certificate.cert);
    const project = new GitlabProject(folder, gitlab, await NpmRegistry.start());
    for (const part of ['home', 'clone', 'gates', 't']) mkdirSync(join(folder, part));
    writeFileSync(join(folder, 'home', '.gitconfig'), GIT_CONFIG);
    project.git('init', '--quiet');
    // The interpreter gets host, group and name of the project from here; nothing is fetched from there.
    project.git('remote', 'add', 'origin', `${gitlab.url}/group/sample.git`);
    project.git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main');
    project.environments = await JobEnvironments.start(join(folder, 'runner'), (job) =>
      project.environmentOf(job),
    );
    return project;
  }

  /** The developer's clone. */
  get clone(): string {
    return join(this.folder, 'clone');
  }

  /** Environment of the developer's machine; jobs have more variables. */
  get env(): Record<string, string> {
    const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
    const npmrc = process.env['NPM_CONFIG_USERCONFIG'] ?? join(homedir(), '.npmrc');
    return {
      ...(Object.fromEntries(passedOn) as Record<string, string>),
      HOME: join(this.folder, 'home'),
      TMPDIR: join(this.folder, 't'),
      GIT_CONFIG_NOSYSTEM: '1',
      NX_TUI: 'false',
      // A test cannot know the address and credentials of this machine's registry.
      ...(existsSync(npmrc) ? { NPM_CONFIG_USERCONFIG: npmrc } : {}),
    };
  }

  git(...args: string[]): string {
    return execFileSync('git', args, {
      cwd: this.clone,
      env: this.env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  write(files: Readonly<Record<string, FileContent>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.clone, path)), { recursive: true });
      writeFileSync(join(this.clone, path), asText(content));
    }
  }

  read(path: string): string {
    return readFileSync(join(this.clone, path), 'utf8');
  }

  /** Commits everything that is not ignored. @returns the commit */
  commit(message: string): string {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Runs a command line in the clone, on the developer's machine. */
  async shell(line: string, env: Record<string, string> = {}): Promise<ProcessExit> {
    const process = new RunningProcess({
      name: line,
      command: 'sh',
      args: ['-ec', line],
      cwd: this.clone,
      env: { ...this.env, ...env },
    });
    return await process.end(INSTALL_MS);
  }

  /** Runs the pipeline of the commit that is checked out. */
  async startPipeline(options: PipelineOptions = {}): Promise<PipelineRun> {
    const number = this.runs.length;
    const env = copyOnce(join(this.folder, 'runner'), { ...this.env, ...this.runnerEnv }, number);
    const run = await PipelineRun.start(
      {
        clone: this.clone,
        folder: this.folder,
        env,
        number,
        // A job's token is valid while the job runs, and its holder can use it to check whether the job runs.
        onJobEnd: (job) => this.gitlab.endJob(this.jobIds.get(job) ?? ''),
      },
      options,
    );
    this.runs.push(run);
    return run;
  }

  /** A passed job's artifacts below a folder go to the instance, as a runner does it. @returns what the instance answers */
  upload(run: PipelineRun, job: string, folder: string): number {
    return upload(this.gitlab, run, { name: job, id: this.jobIds.get(job) ?? '' }, folder);
  }

  /**
   * The runner has a copy of a folder from an earlier job and puts it into each job's clone, like a runner that keeps
   * ignored files (GIT_CLEAN_FLAGS).
   */
  keep(source: string, path: string): void {
    const target = join(this.folder, 'runner', 'kept', path);
    mkdirSync(dirname(target), { recursive: true });
    execFileSync('cp', ['-a', source, target]);
  }

  /** Lets the sample tasks continue that wait for `until=<gate>`. */
  open(gate: string): void {
    writeFileSync(join(this.folder, 'gates', gate), '');
  }

  /** Makes them wait again. */
  shut(gate: string): void {
    rmSync(join(this.folder, 'gates', gate), { force: true });
  }

  runningProcesses(): ProcessInfo[] {
    return processesBelow(this.folder);
  }

  /**
   * Waits until no process of any job is left: none may outlive its pipeline for long. Then the clones of the jobs are removed, as
   * the interpreter itself does when it starts the next pipeline: they are below this one, where Nx would find their projects.
   */
  async everybodyGone(): Promise<void> {
    await waitFor('the end of every process', () => this.runningProcesses().length === 0, {
      deadlineMs: END_MS,
      lastState: () =>
        this.runningProcesses()
          .map(({ pid, command }) => `${pid} ${command}`)
          .join('\n'),
    });
    rmSync(join(this.clone, '.gitlab-ci-local', 'builds'), { recursive: true, force: true, maxRetries: 3 });
  }

  /**
   * Kills all processes and deletes the folder.
   * @returns what was still running: a leak, unless the test left it on purpose
   */
  async close(): Promise<ProcessInfo[]> {
    const leaks = this.runningProcesses();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const { pid } of this.runningProcesses()) signalProcess(pid, signal);
      try {
        await this.everybodyGone();
        break;
      } catch (error) {
        if (signal === 'SIGKILL') throw error;
      }
    }
    await Promise.all([this.gitlab.close(), this.registry.close(), this.environments?.close()]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return leaks;
  }

  private get runnerEnv(): Readonly<Record<string, string>> {
    if (this.environments === null) throw new Error('The project is not ready.');
    return this.environments.env;
  }

  private environmentOf(job: JobVariables): Record<string, string> {
    const run = this.runs.at(-1);
    if (run === undefined) throw new Error('No pipeline has begun.');
    const { CI_JOB_ID = '', CI_PIPELINE_ID = '', CI_COMMIT_SHA = '', CI_JOB_NAME = '' } = job;
    this.jobIds.set(CI_JOB_NAME, CI_JOB_ID);
    const home = join(this.folder, `job-${CI_JOB_ID}`);
    mkdirSync(join(home, 't'), { recursive: true });
    writeFileSync(join(home, '.gitconfig'), GIT_CONFIG);
    const claims = {
      ...addToGitlab(this.gitlab, PROJECT_ID, job),
      project_id: String(PROJECT_ID),
      pipeline_id: CI_PIPELINE_ID,
      job_id: CI_JOB_ID,
      sha: CI_COMMIT_SHA,
    };
    const idTokens = Object.entries(run.idTokensOf(CI_JOB_NAME)).map(([variable, audience]) => [
      variable,
      this.gitlab.idToken(claims, { audience }),
    ]);
    return {
      ...(Object.fromEntries(idTokens) as Record<string, string>),
      ...QUICK,
      ...run.env,
      // Overrides the interpreter: for a job, this is GitLab.
      GITLAB_CI: 'true',
      CI_JOB_NAME: gitlabNameOf(CI_JOB_NAME),
      CI_PROJECT_DIR: run.folderOf(CI_JOB_NAME),
      CI_JOB_TOKEN: this.gitlab.jobToken(PROJECT_ID, CI_JOB_ID),
      // A runner always sets it, even if the certificate is already trusted.
      ...(existsSync(join(this.folder, AUTHORITY))
        ? { CI_SERVER_TLS_CA_FILE: join(this.folder, AUTHORITY) }
        : {}),
      HOME: home,
      TMPDIR: join(home, 't'),
      // The sample tasks print where they ran.
      MACHINE: gitlabNameOf(CI_JOB_NAME),
      SAMPLE_JOURNAL: run.journalFile,
      SAMPLE_GATES: join(this.folder, 'gates'),
    };
  }
}
