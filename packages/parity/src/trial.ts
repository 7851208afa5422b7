import { plural } from '@org/dte-protocol';
import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CannotTry } from './model/cannot-try';
import { judge, type Runs, type Side } from './compare/judge';
import { Copies, type Copy } from './copies/copies';
import type { Env } from './copies/environment';
import type { RecordedProgress } from './record/recorder';
import type { Live, Progress } from './report/progress';
import type { ParityResult, Round, RoundName } from './run/result';
import { DistributedSide, MAIN_JOB } from './run/distributed';
import { Jobs } from './run/jobs';
import { planOf, type PlannedTask } from './run/plan';
import { rerunsOf } from './run/rerun';
import { type Folders, sideRun, type SideRun } from './run/side-run';

export interface TrialOptions {
  /** Absolute folder of the workspace; it is only read. */
  readonly workspace: string;
  /** Folder of the installed package @org/dte. */
  readonly product: string;
  /** Arguments of nx. */
  readonly command: readonly string[];
  readonly agents: number;
  /** How often plain Nx runs tasks that differ once more. */
  readonly reruns: number;
  /** Also compare a second run, with the caches of the first. */
  readonly warm: boolean;
  /** NX_BASE. */
  readonly base?: string | undefined;
  /** Variables that the agents do not have. */
  readonly mainEnv: readonly string[];
  /** Output files that are not compared. */
  readonly ignores: (path: string) => boolean;
  /** For one command, in milliseconds. */
  readonly limitMs: number;
  readonly fullCopies: boolean;
  /** Where the copies are created; default: the folder for temporary files. */
  readonly folder?: string | undefined;
  readonly env: Env;
  readonly progress: Progress;
}

/** Running tasks that a progress line names. Not configurable: more do not fit. */
const NAMED_TASKS = 3;

function describeProgress({ ended, running }: RecordedProgress, total: number): string {
  const more = running.length > NAMED_TASKS ? ` and ${running.length - NAMED_TASKS} more` : '';
  const names = running.slice(0, NAMED_TASKS).join(', ');
  return `${ended} of ${total} tasks${names === '' ? '' : ` · ${names}${more}`}`;
}

/** Status words of cache hits contain it. */
const FROM_CACHE = 'cache';

/** One comparison of an nx command with and without distribution. The caller must `close` it. */
export class Trial {
  readonly root: string;
  private readonly jobs: Jobs;
  private readonly folders: Folders = {};
  private distributed: DistributedSide | null = null;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: TrialOptions) {
    // A short name: sockets are created below it, and a socket path is limited to about 100 characters.
    this.root = realpathSync(mkdtempSync(join(options.folder ?? tmpdir(), 'parity-')));
    this.jobs = new Jobs(this.root);
  }

  /** @throws CannotTry */
  async run(): Promise<ParityResult> {
    const { command, progress, agents: wanted } = this.options;
    const copies = await this.copy();
    const side = await DistributedSide.create({ ...this.options, copies, jobs: this.jobs, root: this.root });
    this.distributed = side;
    this.know(side.main);
    const plan = await progress.step(
      'Asking Nx what would run',
      () => planOf(this.jobs, side.main, command),
      (tasks) => `Nx would run ${plural(tasks.length, 'task')}`,
    );
    if (plan.length === 0)
      throw new CannotTry(`\`nx ${command.join(' ')}\` runs no task: there is nothing to compare.`);
    const isNeeded = plan.some(({ place }) => place === 'agents');
    const agents = isNeeded ? await this.addAgents(side, wanted) : [];
    const plain = await this.add(copies, 'plain');
    const rounds: Round[] = [];
    for (const name of this.options.warm ? (['cold', 'warm'] as const) : (['cold'] as const)) {
      const round = await this.round({ name, plain, agents, plan, copies, side });
      rounds.push(round);
    }
    await progress.step(
      'Ending the session',
      () => side.close(),
      () => 'Agents and coordinator have ended',
    );
    return { command, rounds, agents: agents.length, changedModules: await copies.changedModules() };
  }

  private async copy(): Promise<Copies> {
    const { progress, workspace } = this.options;
    return await progress.step(
      `Copying ${basename(workspace)}`,
      (live) => Copies.create({ ...this.options, root: this.root, note: (what) => live(() => what) }),
      () => `Copied ${basename(workspace)} to ${this.root}; the workspace itself is only read`,
    );
  }

  private async addAgents(side: DistributedSide, count: number): Promise<readonly Copy[]> {
    const copies = await this.options.progress.step(
      'Copying the workspace for the agents',
      () => side.addAgents(count),
      () => `Prepared ${plural(count, 'agent')}`,
    );
    copies.forEach((copy) => this.know(copy));
    return copies;
  }

  private know({ workspace, folder }: Copy): void {
    this.folders[workspace] = '<workspace>';
    this.folders[folder] = '<machine>';
  }

  private async add(copies: Copies, name: string): Promise<Copy> {
    const copy = await copies.add(name, 'plain', MAIN_JOB);
    this.know(copy);
    return copy;
  }

  /** Runs the command on one side. */
  private async side(
    name: string,
    copy: Copy,
    total: number,
    start: () => ReturnType<Jobs['recorded']>,
  ): Promise<SideRun> {
    const { limitMs, progress } = this.options;
    return await progress.step(
      name,
      (live) => {
        const onStart = (ask: () => RecordedProgress): void =>
          live((() => describeProgress(ask(), total)) satisfies Live);
        return sideRun(start(), { name: name.toLowerCase(), copy, folders: this.folders, limitMs, onStart });
      },
      ({ observation: { tasks, exitCode } }) =>
        `${name}: ${plural(Object.keys(tasks).length, 'task')}, exit code ${exitCode}`,
    );
  }

  private async round(of: {
    name: RoundName;
    plain: Copy;
    agents: readonly Copy[];
    plan: readonly PlannedTask[];
    copies: Copies;
    side: DistributedSide;
  }): Promise<Round> {
    const { name, plan, side, copies } = of;
    const { command } = this.options;
    const mark = name === 'cold' ? '' : ' again, with caches';
    const plain = await this.side(`Plain Nx${mark}`, of.plain, plan.length, () =>
      this.jobs.recorded(of.plain, `plain-${name}`, command),
    );
    if (name === 'cold')
      await this.options.progress.step(
        'Starting coordinator and agents',
        () => side.open(of.agents),
        () => `Started the coordinator and ${plural(of.agents.length, 'agent')}`,
      );
    const distributed = await this.side(`Distributed${mark}`, side.main, plan.length, () =>
      side.start(command),
    );
    const runs = this.withoutIgnored({ plain, distributed, again: [] });
    const again = name === 'cold' ? await this.again(runs, plan, copies) : [];
    const judged = { ...runs, again };
    return {
      name,
      plain,
      distributed,
      again,
      places: this.places(distributed, plan),
      verdict: judge(judged),
    };
  }

  private places({ observation }: SideRun, plan: readonly PlannedTask[]): ReadonlyMap<string, string> {
    const onAgents = this.distributed?.places() ?? new Map<string, string>();
    // Groups of other tasks, and servers that each agent starts itself.
    const everywhere = new Set(plan.filter(({ place }) => place === 'nothing').map(({ id }) => id));
    const placeOf = (id: string, status: string): string => {
      if (status.includes(FROM_CACHE)) return 'cache';
      if (status === 'skipped' || everywhere.has(id)) return '';
      return onAgents.get(id) ?? 'main';
    };
    return new Map(Object.entries(observation.tasks).map(([id, { status }]) => [id, placeOf(id, status)]));
  }

  private withoutIgnored(runs: Runs): Runs {
    const strip = (side: Side): Side => ({
      ...side,
      observation: {
        ...side.observation,
        tasks: Object.fromEntries(
          Object.entries(side.observation.tasks).map(([id, facts]) => {
            const files = Object.entries(facts.files).filter(([path]) => !this.options.ignores(path));
            return [id, { ...facts, files: Object.fromEntries(files) }];
          }),
        ),
      },
    });
    return { plain: strip(runs.plain), distributed: strip(runs.distributed), again: runs.again.map(strip) };
  }

  /** Runs the tasks that differ on plain Nx once more, in a fresh copy: do two plain runs differ as well? */
  private async again(runs: Runs, plan: readonly PlannedTask[], copies: Copies): Promise<readonly Side[]> {
    const { command, reruns, limitMs, progress } = this.options;
    const { differences, fault } = judge(runs);
    const ids = [...new Set([...differences.map(({ task }) => task), ...(fault?.unrun ?? [])])].filter(
      Boolean,
    );
    const found: Side[] = [];
    for (let index = 1; index <= reruns && ids.length > 0; index++) {
      const copy = await this.add(copies, `plain-${index + 1}`);
      for (const [at, rerun] of rerunsOf(command, ids, plan).entries()) {
        const name = `${copy.name}-${at}`;
        const side = await progress.step(
          `Plain Nx again: ${plural(rerun.ids.length, 'task')} of ${ids.length}`,
          () =>
            sideRun(this.jobs.recorded(copy, name, rerun.command), {
              name: 'repeated plain',
              copy,
              folders: this.folders,
              limitMs,
              onStart: () => undefined,
            }),
          () =>
            `Plain Nx again: ${[...rerun.ids].sort().slice(0, NAMED_TASKS).join(', ')}${rerun.ids.length > NAMED_TASKS ? ' …' : ''}`,
        );
        const tasks = Object.entries(side.observation.tasks).filter(([id]) => rerun.ids.includes(id));
        found.push({ ...side, observation: { ...side.observation, tasks: Object.fromEntries(tasks) } });
      }
    }
    return this.withoutIgnored({ ...runs, again: found }).again;
  }

  /** It was told to close. */
  get isClosing(): boolean {
    return this.closing !== undefined;
  }

  /** Stops all processes and deletes everything, unless the files are kept. Idempotent. */
  close(keep = false): Promise<void> {
    return (this.closing ??= this.end(keep));
  }

  private async end(keep: boolean): Promise<void> {
    await this.jobs.stopAll();
    if (!keep) await rm(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
