import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileRendezvous } from '@org/dte-client';
import { addressOf, printable, rendezvousRecordSchema, rendezvousReportSchema } from '@org/dte-protocol';
import { brokenBytes, TRAVERSALS } from '../hostile';
import { expectForeseen } from '../expect-error';
import { Examples } from '../from-schema';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const CODES = ['DTE_BAD_CONFIG', 'DTE_INVALID_ID', 'DTE_SESSION_FINISHED', 'DTE_MALFORMED_MESSAGE'] as const;
const SESSION = '7-1001';
const GENERATION = 'g1';

/** A folder that everybody may write to. */
class SharedFolder {
  private readonly dir: string;
  private readonly rendezvous: FileRendezvous;
  private readonly records = new Examples(rendezvousRecordSchema);
  private readonly reports = new Examples(rendezvousReportSchema);
  private readonly reportPath: Promise<string>;

  constructor(private readonly folder: string) {
    this.dir = join(folder, 'a', 'b', 'c', 'd', 'shared');
    mkdirSync(this.dir, { recursive: true });
    this.rendezvous = new FileRendezvous(this.dir);
    const report = { version: 1, name: 'agent', jobUrl: null, message: 'no answer', atMs: 1 } as const;
    this.reportPath = this.rendezvous.report(SESSION, GENERATION, report).then(() => {
      const found = readdirSync(this.dir, { recursive: true, encoding: 'utf8' }).find((path) =>
        path.endsWith('.json'),
      );
      return join(this.dir, found ?? '');
    });
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const sessionId = random.chance(0.8) ? SESSION : printable(random.pick(TRAVERSALS), 500);
    const isRecord = random.chance(0.7);
    const text = Buffer.from((isRecord ? this.records : this.reports).text(random));
    const bytes = random.chance(0.9) ? text : brokenBytes(random, text);
    note(bytes);
    writeFileSync(isRecord ? join(this.dir, `${SESSION}.json`) : await this.reportPath, bytes);
    const { rendezvous } = this;
    await this.expectForeseen(async () => addressOf(await rendezvous.find(sessionId)));
    await this.expectForeseen(() => rendezvous.reports(sessionId, GENERATION));
    if (random.chance(0.1)) await this.expectForeseen(() => rendezvous.withdraw(sessionId, GENERATION));
    if (random.chance(0.1)) await this.expectForeseen(() => rendezvous.finish(sessionId, GENERATION, 1));
    if (random.chance(0.02))
      await rendezvous.tidy().then(() => mkdirSync(join(this.dir), { recursive: true }));
  }

  check(): Promise<void> {
    const above = ['', 'a', 'a/b', 'a/b/c', 'a/b/c/d'].map((path) =>
      readdirSync(join(this.folder, path)).join(),
    );
    mustHold(above.join() === 'a,b,c,d,shared', () => `Outside of the folder: ${above.join()}`);
    return Promise.resolve();
  }

  private async expectForeseen(work: () => Promise<unknown>): Promise<void> {
    await work().catch((thrown: unknown) => expectForeseen(thrown, CODES));
  }
}

/** Records and reports in a folder that others can write to. */
export const rendezvous: Target = {
  name: 'rendezvous',
  share: 50,
  caseMs: 60_000,
  open: (folder): Promise<Running> => Promise.resolve(new SharedFolder(folder)),
};
