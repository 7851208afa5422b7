import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileFacts, fileFacts } from '@org/dte-parity';
import { ChaosRun, type ChaosResult } from './chaos-run';
import type { RunPlan } from './plan';
import { SmallDisk } from './small-disk';
import { CHAOS_COMMAND, chaosFleet, exitCodeOf, expectedStatuses, failingIn } from './workspace';

/** Timeout of the local run. Not configurable: it suffices on a machine that is ten times overloaded. */
const LOCAL_MS = 15 * 60_000;

/** Performs plans, and knows what the same command does when it runs locally. */
export class ChaosBench {
  private readonly local = new Map<boolean, Promise<FileFacts>>();
  /** End the runs that are going on. */
  private readonly open = new Set<() => Promise<unknown>>();
  /** Null: disks can be filled. Else why they cannot be. */
  readonly noDisks: string | null = SmallDisk.whyNot();

  /**
   * @param folder for the logs of runs that did not hold
   * @param keepsAll those of the others as well
   */
  constructor(
    private readonly folder: string,
    private readonly keepsAll = false,
  ) {}

  async perform(plan: RunPlan): Promise<ChaosResult> {
    const expectedFiles = await this.localRun(plan.fails);
    const opened: (() => Promise<unknown>)[] = [];
    const result = await ChaosRun.perform({
      plan,
      expectedFiles,
      canMount: this.noDisks === null,
      onOpen: (close) => {
        opened.push(close);
        this.open.add(close);
      },
    });
    for (const close of opened) this.open.delete(close);
    if (this.keepsAll || result.violations.length > 0) this.keep(result);
    return result;
  }

  /** Ends what is running, as on Ctrl-C: what its runs come to then says nothing. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((close) => close()));
  }

  /** Where the logs of a run are kept. */
  folderOf({ seed, run }: RunPlan): string {
    return join(this.folder, `seed-${seed}-run-${run}`);
  }

  private keep({ plan, logs, violations, injections, evidence }: ChaosResult): void {
    const folder = this.folderOf(plan);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(logs)) writeFileSync(join(folder, `${name}.log`), text);
    const seen = { plan, injections, violations, evidence };
    writeFileSync(join(folder, 'run.json'), JSON.stringify(seen, null, 2));
  }

  private localRun(fails: boolean): Promise<FileFacts> {
    const known = this.local.get(fails);
    if (known !== undefined) return known;
    const running = this.runLocally(fails);
    this.local.set(fails, running);
    return running;
  }

  private async runLocally(fails: boolean): Promise<FileFacts> {
    const fleet = chaosFleet(fails);
    const close = (): Promise<unknown> => fleet.close();
    this.open.add(close);
    try {
      const machine = fleet.machine('local', { ci: false, env: { CI: 'true' } });
      const exit = await machine.nx(CHAOS_COMMAND, { deadlineMs: LOCAL_MS });
      if (exit.code !== exitCodeOf(Object.values(expectedStatuses(failingIn(fails)))))
        throw new Error(`The local run ended with ${String(exit.code)}:\n${exit.output}`);
      return fileFacts(machine.workspace, ['dist']);
    } finally {
      this.open.delete(close);
      await close();
    }
  }
}
