import { DteError, type Hello, projectOf } from '@org/dte-protocol';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';

const FILE = 'project';

/** A GitLab job sends the address of its log, has an id token, or names its session as GitLab's pipelines are named. */
const isOfGitlab = ({ jobUrl, idToken, sessionId }: Hello): boolean =>
  jobUrl !== null || typeof idToken === 'string' || /^[0-9]+-[0-9]+(?:-|$)/.test(sessionId);

const refused = (message: string): DteError => new DteError('DTE_SHARED_TRUST', message);

/**
 * Restricts a coordinator that other machines can reach and that has only a secret to authenticate its clients. A
 * secret proves that its holder knows it, not who the holder is. The holder chooses the session, so every holder can
 * read and replace what any session stores. Therefore such a coordinator serves only one project (the first that
 * connects, even after a restart), and no GitLab pipeline: there, everyone who can push a branch has the secret, and id
 * tokens separate pipelines.
 */
export class TrustDomain {
  private saved: Promise<void> | null = null;

  private constructor(
    private readonly fs: FileSystem,
    private readonly dataDir: string,
    private project: string | null,
  ) {}

  /** @throws what the disk throws */
  static async open(fs: FileSystem, dataDir: string): Promise<TrustDomain> {
    try {
      const text = (await fs.readFile(`${dataDir}/${FILE}`)).toString('utf8').trim();
      return new TrustDomain(fs, dataDir, text === '' ? null : text);
    } catch (thrown) {
      if (isNotFound(thrown)) return new TrustDomain(fs, dataDir, null);
      throw thrown;
    }
  }

  /**
   * Call this for clients that have proven the secret.
   * @throws DteError DTE_SHARED_TRUST
   */
  async admit(hello: Hello): Promise<void> {
    const { sessionId } = hello;
    if (isOfGitlab(hello)) {
      // The name of a session alone may also occur outside GitLab, and the fix is a different one there.
      const byName = hello.jobUrl === null && typeof hello.idToken !== 'string';
      const why = byName
        ? ' by its name (numbers separated by a dash; outside GitLab, use another name: --session, DTE_SESSION_ID)'
        : '';
      throw refused(
        `Session ${sessionId} is a GitLab pipeline${why}, and this coordinator authenticates its clients with a secret only: any job with the secret could replace what this pipeline stores.`,
      );
    }
    const project = projectOf(sessionId);
    // Before any await: of two that arrive at the same time, one is the first.
    this.project ??= project;
    if (this.project !== project) {
      throw refused(
        `Session ${sessionId} does not belong to the project "${this.project}" that this coordinator serves, and it authenticates its clients with a secret only.`,
      );
    }
    await (this.saved ??= this.save(project));
  }

  private async save(project: string): Promise<void> {
    try {
      await writeFileAtomically(this.fs, this.dataDir, FILE, `${project}\n`);
    } catch (thrown) {
      // The next client tries again.
      this.saved = null;
      throw thrown;
    }
  }
}
