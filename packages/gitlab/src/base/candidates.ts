import type { Situation } from './situation';

/** The result of asking the pipelines API for the last passed pipeline. */
export type LastSuccess =
  | { readonly kind: 'found'; readonly sha: string; readonly pipelineId: number }
  /** It answered, and no pipeline has passed on an ancestor of this commit. */
  | { readonly kind: 'none' }
  /** It was not asked, or did not answer; `why` is for people, null if there is nothing to report. */
  | { readonly kind: 'unknown'; readonly why: string | null };

/** A possible base commit. Which ones can be used depends on the repository. */
export type Candidate =
  /** `ancestorOnly`: not if the commit is no longer part of the history (a forced push). */
  | {
      readonly kind: 'commit';
      readonly sha: string;
      readonly ancestorOnly: boolean;
      readonly what: string;
    }
  /** The merge base with a branch. */
  | { readonly kind: 'branch-point'; readonly branch: string }
  /** The merge base with a commit to which the branch pointed earlier. */
  | { readonly kind: 'fork-of'; readonly sha: string }
  | { readonly kind: 'previous-tag' }
  /** No commit is known to be good: all projects count as changed. Can always be used. */
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
    // The commit before the push has not passed either, so it is not a base.
    case 'none':
      return lastResort;
    case 'unknown': {
      if (before === null) return lastResort;
      const what = 'CI_COMMIT_BEFORE_SHA';
      const pushed: Candidate = { kind: 'commit', sha: before, ancestorOnly: true, what };
      // After a forced push, a branch is compared with the default branch, and the default branch with the part that
      // both histories share.
      return isDefault ? [pushed, { kind: 'fork-of', sha: before }, ...lastResort] : [pushed, ...lastResort];
    }
  }
}

/**
 * The candidates for the base, the best first; the last one can always be used. An older base than necessary is
 * harmless: more projects count as affected, and caches resolve the rest.
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
