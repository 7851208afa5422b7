import type { Candidate } from './candidates';
import type { Git } from './git';

/** The base, and the lines for the job's log. */
export interface Base {
  readonly sha: string;
  readonly what: string;
}

export const CURE = 'set GIT_DEPTH: 0 in the variables of the job, so that the clone has its whole history';
const short = (sha: string): string => sha.slice(0, 12);

type Rejection = { readonly rejected: string };
const rejected = (why: string): Rejection => ({ rejected: why });

/** Checks candidates in a clone, and deepens a shallow one as far as necessary. */
export class BaseChooser {
  private deepened: Promise<void> | null = null;

  /** @param note gets lines for the log */
  constructor(
    private readonly git: Git,
    private readonly head: string,
    private readonly note: (line: string) => void,
  ) {}

  /** The first usable candidate; the last one always is. */
  async choose(candidates: readonly Candidate[]): Promise<Base> {
    for (const candidate of candidates) {
      const base = await this.check(candidate);
      if (!('rejected' in base)) return base;
      this.note(base.rejected);
    }
    return { sha: await this.git.emptyTree(), what: 'nothing: every project is affected' };
  }

  /** Whether the built commit contains this one. A clone without the complete history may not know. */
  async contains(sha: string): Promise<boolean> {
    const inHistory = async (): Promise<boolean> =>
      (await this.git.has(sha)) && (await this.git.isAncestor(sha, this.head));
    if (await inHistory()) return true;
    // A clone with the complete history has every ancestor of its checkout: nothing needs to be fetched.
    return (await this.deepen()) && (await inHistory());
  }

  private async check(candidate: Candidate): Promise<Base | Rejection> {
    switch (candidate.kind) {
      case 'commit':
        return this.commit(candidate);
      case 'branch-point':
        return this.branchPoint(candidate.branch);
      case 'fork-of':
        return this.forkOf(candidate.sha);
      case 'previous-tag':
        return this.previousTag();
      case 'everything':
        return {
          sha: await this.git.emptyTree(),
          what: `the empty tree, so every project is affected: ${candidate.why}`,
        };
    }
  }

  private async commit({ sha, what, ancestorOnly }: Extract<Candidate, { kind: 'commit' }>) {
    if (ancestorOnly) {
      if (await this.contains(sha)) return { sha, what };
      return rejected(
        `${what} (${short(sha)}) is no longer part of the history: the branch was force-pushed`,
      );
    }
    const failure = await this.present(sha);
    return failure === null ? { sha, what } : rejected(`${what} (${short(sha)}) ${failure}`);
  }

  private async branchPoint(branch: string): Promise<Base | Rejection> {
    const refspec = `+refs/heads/${branch}:refs/remotes/origin/${branch}`;
    let tip = await this.git.branchTip(branch);
    if (tip === null) {
      const failure = await this.git.fetch(['--no-tags', refspec]);
      tip = await this.git.branchTip(branch);
      if (tip === null)
        return rejected(
          `the branch ${branch} is not in this clone and could not be fetched (${failure ?? ''})`,
        );
    }
    const base = await this.meeting(tip);
    return base === null
      ? rejected(`this clone has no merge base with ${branch}`)
      : { sha: base, what: `the merge base with ${branch}` };
  }

  private async forkOf(sha: string): Promise<Base | Rejection> {
    const failure = await this.present(sha);
    if (failure !== null) return rejected(`the former tip ${short(sha)} ${failure}`);
    const base = await this.meeting(sha);
    return base === null
      ? rejected(`nothing is left of the history that ${short(sha)} had`)
      : {
          sha: base,
          what: `the last commit before the force push (${short(sha)}) that is still in the history`,
        };
  }

  private async previousTag(): Promise<Base | Rejection> {
    await this.deepen();
    const tag = await this.git.previousTag(this.head);
    return tag === null
      ? rejected('there is no earlier tag in this clone')
      : { sha: tag.sha, what: `the previous tag ${tag.name}` };
  }

  private async meeting(other: string): Promise<string | null> {
    const base = await this.git.mergeBase(other, this.head);
    if (base !== null) return base;
    return (await this.deepen()) ? this.git.mergeBase(other, this.head) : null;
  }

  /** Null if the commit is available, else the reason. */
  private async present(sha: string): Promise<string | null> {
    if (await this.git.has(sha)) return null;
    // In a shallow clone the commit alone is enough: only its files are compared. A complete clone must not become shallow.
    const depth = (await this.git.isShallow()) ? ['--depth=1'] : [];
    const failure = await this.git.fetch(['--no-tags', ...depth, sha]);
    if (await this.git.has(sha)) return null;
    return `is not in this clone and could not be fetched (${failure ?? 'no output from git'}); ${CURE}`;
  }

  /** Fetches the complete history, once; false if the clone already had it. */
  private async deepen(): Promise<boolean> {
    if (this.deepened === null && !(await this.git.isShallow())) return false;
    this.deepened ??= this.unshallow();
    await this.deepened;
    return true;
  }

  private async unshallow(): Promise<void> {
    // By name: the built commit (the merge of a merge request, for example) need not be on any branch.
    const failure = await this.git.fetch(['--unshallow', this.head]);
    this.note(
      failure === null
        ? `this clone was shallow and its history had to be fetched; to avoid this, ${CURE}`
        : `this clone is shallow and its history could not be fetched (${failure}); ${CURE}`,
    );
  }
}
