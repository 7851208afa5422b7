import { GitlabPackagesRendezvous, PackageRegistry } from '@org/dte-gitlab';
import { rendezvousRecordSchema, rendezvousReportSchema } from '@org/dte-protocol';
import { testLimits } from '@org/dte-testing';
import { AnsweringServer } from '../answering-server';
import { expectForeseen } from '../expect-error';
import { Examples } from '../from-schema';
import { changed, type Json, toText } from '../hostile';
import { oddAnswer } from '../odd-answers';
import { type Note, type Random, type Running, type Target } from '../target';

const CODES = [
  'DTE_RENDEZVOUS_REFUSED',
  'DTE_RENDEZVOUS_UNAVAILABLE',
  'DTE_BAD_CONFIG',
  'DTE_INVALID_ID',
] as const;
const SESSION = '7-1001';
const GENERATION = 'g1';
const PACKAGES: Json = [
  { id: 1, name: 'dte-rendezvous', version: '0.0.1001', created_at: '2026-01-01T00:00:00Z' },
];

class Gitlab {
  private readonly records = new Examples(rendezvousRecordSchema);
  private readonly reports = new Examples(rendezvousReportSchema);
  private readonly rendezvous: GitlabPackagesRendezvous;

  private constructor(private readonly server: AnsweringServer) {
    const access = { apiUrl: `${server.url}/api/v4`, projectId: '7', jobToken: 't', ca: [] };
    const limits = testLimits({ rendezvousRequestMs: 2_000, rendezvousRetryMs: 1 });
    // Waiting for a busy registry is not what is tried here.
    const timing = { now: () => Date.now(), sleep: () => Promise.resolve() };
    this.rendezvous = new GitlabPackagesRendezvous(new PackageRegistry(access, limits, timing), timing);
  }

  static async open(): Promise<Gitlab> {
    return new Gitlab(await AnsweringServer.start());
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const { rendezvous } = this;
    const sent: Buffer[] = [];
    this.server.answer = (request) => {
      const answer = oddAnswer(random, this.textFor(random, request));
      sent.push(answer);
      note(Buffer.concat(sent));
      return answer;
    };
    const report = { version: 1, name: 'agent', jobUrl: null, message: 'no answer', atMs: 1 } as const;
    const work = random.pick<() => Promise<unknown>>([
      () => rendezvous.find(SESSION),
      () => rendezvous.reports(SESSION, GENERATION),
      () => rendezvous.report(SESSION, GENERATION, report),
      () => rendezvous.finish(SESSION, GENERATION, 1),
      () => rendezvous.tidy(),
    ]);
    await work().catch((thrown: unknown) => expectForeseen(thrown, CODES));
  }

  async close(): Promise<void> {
    await this.server.close();
  }

  private textFor(random: Random, request: string): string {
    if (request.includes('/package_files')) {
      const prefix = `${SESSION}.report.`;
      return toText(changed(random, [{ id: 1, file_name: `${prefix}${random.int(0, 9)}.json` }]));
    }
    if (request.includes('/packages?')) return toText(changed(random, structuredClone(PACKAGES)));
    return (request.includes('.report.') ? this.reports : this.records).text(random);
  }
}

/** Answers of GitLab's API, or of whoever stands between it and a job. */
export const gitlabApi: Target = {
  name: 'gitlab-api',
  share: 40,
  caseMs: 60_000,
  open: (): Promise<Running> => Gitlab.open(),
};
