import { BaseChooser } from './choose-base';
import type { Git } from './git';

/** A clone in memory: commits with their parents, as far as they were fetched. */
class FakeGit implements Git {
  readonly fetched: string[] = [];
  shallow = false;
  /** What a fetch brings; none: the remote is unavailable. */
  remote: FakeGit | null = null;

  constructor(
    readonly parents: Record<string, string[]>,
    readonly branches: Record<string, string> = {},
    readonly tags: Record<string, string> = {},
  ) {}

  private history(of: string): string[] {
    return this.parents[of] === undefined
      ? []
      : [of, ...this.parents[of].flatMap((parent) => this.history(parent))];
  }

  head = async () => 'head';
  has = async (sha: string) => this.parents[sha] !== undefined;
  isAncestor = async (sha: string, of: string) => this.history(of).includes(sha);
  mergeBase = async (one: string, other: string) =>
    this.history(other).find((sha) => this.history(one).includes(sha)) ?? null;
  isShallow = async () => this.shallow;
  branchTip = async (branch: string) => this.branches[branch] ?? null;
  emptyTree = async () => 'empty';

  async previousTag(of: string) {
    const [, ...before] = this.history(of);
    const name = Object.keys(this.tags).find((tag) => before.includes(this.tags[tag] ?? ''));
    return name === undefined ? null : { name, sha: this.tags[name]! };
  }

  async fetch(args: readonly string[]): Promise<string | null> {
    this.fetched.push(args.join(' '));
    if (this.remote === null) return 'the remote is away';
    if (args.includes('--unshallow')) {
      Object.assign(this.parents, this.remote.parents);
      this.shallow = false;
    }
    const wanted = args.at(-1) ?? '';
    const branch = /refs\/remotes\/origin\/(.*)$/.exec(wanted)?.[1];
    const sha = branch === undefined ? wanted : this.remote.branches[branch];
    if (sha === undefined || this.remote.parents[sha] === undefined) return `no ${wanted}`;
    this.parents[sha] ??= this.shallow ? [] : this.remote.parents[sha];
    if (branch !== undefined) this.branches[branch] = sha;
    return null;
  }
}

/** a - b - c (main) - m2; b - f1 - head; old: an earlier end of the branch. */
const HISTORY = { a: [], b: ['a'], c: ['b'], f1: ['b'], head: ['f1'], old: ['f1'] };
const pushed = (sha: string) => ({ kind: 'commit', sha, ancestorOnly: true, what: 'BEFORE' }) as const;
const everything = { kind: 'everything', why: 'nothing is known' } as const;
const branchPoint = { kind: 'branch-point', branch: 'main' } as const;

describe('BaseChooser', () => {
  const notes: string[] = [];
  const chooser = (git: Git) => new BaseChooser(git, 'head', (line) => void notes.push(line));
  beforeEach(() => void notes.splice(0));

  it('selects the first candidate when it is valid, and fetches nothing', async () => {
    const git = new FakeGit(HISTORY, { main: 'c' });
    expect(await chooser(git).choose([pushed('f1'), branchPoint])).toEqual({ sha: 'f1', what: 'BEFORE' });
    expect([git.fetched, notes]).toEqual([[], []]);
  });

  it.each(['old', 'gone'])(
    'skips %s, which a forced push removed from the branch, and reports that',
    async (sha) => {
      const git = new FakeGit(HISTORY, { main: 'c' });
      const base = await chooser(git).choose([pushed(sha), branchPoint, everything]);
      expect(base).toEqual({ sha: 'b', what: 'the merge base with main' });
      expect(git.fetched).toEqual([]);
      expect(notes).toEqual([
        `BEFORE (${sha}) is no longer part of the history: the branch was force-pushed`,
      ]);
    },
  );

  it('compares a force-pushed default branch with the part of its history that remains', async () => {
    const git = new FakeGit({ ...HISTORY });
    const { old: _old, ...without } = git.parents;
    const clone = new FakeGit(without);
    clone.remote = git;
    const base = await chooser(clone).choose([pushed('old'), { kind: 'fork-of', sha: 'old' }, everything]);
    expect(base.sha).toBe('f1');
  });

  it('fetches the default branch when the clone has only the branch that is built', async () => {
    const git = new FakeGit({ ...HISTORY });
    git.remote = new FakeGit(HISTORY, { main: 'c' });
    expect((await chooser(git).choose([branchPoint, everything])).sha).toBe('b');
    expect(git.fetched).toEqual(['--no-tags +refs/heads/main:refs/remotes/origin/main']);
  });

  it('fetches only the base of a merge request into a shallow clone', async () => {
    const git = new FakeGit({ head: [] });
    git.shallow = true;
    git.remote = new FakeGit(HISTORY);
    const diffBase = { kind: 'commit', sha: 'b', ancestorOnly: false, what: 'DIFF_BASE' } as const;
    expect((await chooser(git).choose([diffBase, everything])).sha).toBe('b');
    expect(git.fetched).toEqual(['--no-tags --depth=1 b']);
  });

  it('completes a shallow clone once when it has to check ancestry, and prints how to avoid that', async () => {
    const git = new FakeGit({ head: [] });
    git.shallow = true;
    git.remote = new FakeGit(HISTORY, { main: 'c' });
    const base = await chooser(git).choose([pushed('gone'), pushed('f1'), everything]);
    expect(base.sha).toBe('f1');
    expect(git.fetched).toEqual(['--unshallow head']);
    expect(notes[0]).toMatch(/shallow and its history had to be fetched; .*GIT_DEPTH: 0/);
  });

  it('treats everything as changed when a shallow clone cannot be completed, and prints how to fix that', async () => {
    const git = new FakeGit({ head: [] });
    git.shallow = true;
    const base = await chooser(git).choose([pushed('f1'), branchPoint, everything]);
    expect(base.sha).toBe('empty');
    expect(base.what).toMatch(/every project is affected: nothing is known/);
    expect(notes.filter((line) => line.includes('GIT_DEPTH: 0'))).toHaveLength(1);
  });

  it('compares a tag with the tag before it', async () => {
    const git = new FakeGit(HISTORY, {}, { v2: 'head', v1: 'a' });
    expect(await chooser(git).choose([{ kind: 'previous-tag' }, everything])).toEqual({
      sha: 'a',
      what: 'the previous tag v1',
    });
  });
});
