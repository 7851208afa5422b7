import type { Situation } from './situation';

/** What the pipelines API said of the last pipeline that passed. */
export type LastSuccess =
  | { readonly kind: 'found'; readonly sha: string; readonly pipelineId: number }
  /** It answered, and no pipeline has passed whose commit this one is built on. */
  | { readonly kind: 'none' }
  /** It was not asked, or did not answer; `why` is for people, null when there is nothing to say. */
  | { readonly kind: 'unknown'; readonly why: string | null };

/** A commit that may be the base. Which of them holds depends on the repository. */
export type Candidate =
  /** `ancestorOnly`: not when the commit has been left out of the history since (a forced push). */
  | {
      readonly kind: 'commit';
      readonly sha: string;
      readonly ancestorOnly: boolean;
      readonly what: string;
    }
  /** Where the history left that of a branch. */
  | { readonly kind: 'branch-point'; readonly branch: string }
  /** Where the history left that of a commit which the branch pointed at once. */
  | { readonly kind: 'fork-of'; readonly sha: string }
  | { readonly kind: 'previous-tag' }
  /** Nothing is known to be good: all projects count as changed. Always holds. */
  | { readonly kind: 'everything'; readonly why: string };

const everything = (why: string): Candidate => ({ kind: 'everything', why });

function ofBranch(
  situation: Extract<Situation, { kind: 'branch' }>,
  lastSuccess: LastSuccess,
): readonly Candidate[] {
  const { branch, isDefault, defaultBranch, before } = situation;
  const lastResort: readonly Candidate[] = isDefault
    ? [everything(`no earlier successful commit of ${branch} is known`)]
    : [
        { kind: 'branch-point', branch: defaultBranch },
        everything(`${branch} has no common history with ${defaultBranch} here`),
      ];
  switch (lastSuccess.kind) {
    case 'found': {
      const what = `the last successful pipeline of ${branch} (${lastSuccess.pipelineId})`;
      return [{ kind: 'commit', sha: lastSuccess.sha, ancestorOnly: true, what }, ...lastResort];
    }
    // What was pushed before has not passed either, so it is no base.
    case 'none':
      return lastResort;
    case 'unknown': {
      if (before === null) return lastResort;
      const what = 'CI_COMMIT_BEFORE_SHA';
      const pushed: Candidate = { kind: 'commit', sha: before, ancestorOnly: true, what };
      // After a forced push a branch is compared with the default branch, and that one with what both histories share.
      return isDefault ? [pushed, { kind: 'fork-of', sha: before }, ...lastResort] : [pushed, ...lastResort];
    }
  }
}

/**
 * The commits that may be the base, the best first; the last one always holds.
 * Erring on the side of an older base is harmless: more counts as affected, and caches know better.
 */
export function candidatesOf(situation: Situation, lastSuccess: LastSuccess): readonly Candidate[] {
  switch (situation.kind) {
    case 'merge-request': {
      const { diffBase, targetBranch } = situation;
      const what = 'CI_MERGE_REQUEST_DIFF_BASE_SHA';
      return [
        ...(diffBase === null
          ? []
          : [{ kind: 'commit', sha: diffBase, ancestorOnly: false, what } satisfies Candidate]),
        ...(targetBranch === null
          ? []
          : [{ kind: 'branch-point', branch: targetBranch } satisfies Candidate]),
        everything('the base of the merge request is unknown'),
      ];
    }
    case 'branch':
      return ofBranch(situation, lastSuccess);
    case 'tag':
      return [{ kind: 'previous-tag' }, everything(`no tag comes before ${situation.tag}`)];
    case 'local':
      return [
        { kind: 'branch-point', branch: situation.defaultBranch },
        everything(`there is no branch ${situation.defaultBranch} to compare with`),
      ];
  }
}
