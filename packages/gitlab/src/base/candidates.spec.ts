import { candidatesOf, type Candidate, type LastSuccess } from './candidates';
import { readGitlabJob } from '../job';
import { readSituation } from './situation';

const sha = (digit: string): string => digit.repeat(40);
const ZEROS = sha('0');
const NOT_ASKED: LastSuccess = { kind: 'unknown', why: null };

const describeCandidate = (candidate: Candidate): string => {
  switch (candidate.kind) {
    case 'commit':
      return `commit ${candidate.sha.slice(0, 1)}${candidate.ancestorOnly ? ' if in history' : ''}`;
    case 'branch-point':
      return `branch-point ${candidate.branch}`;
    case 'fork-of':
      return `fork-of ${candidate.sha.slice(0, 1)}`;
    default:
      return candidate.kind;
  }
};

const order = (env: Record<string, string>, lastSuccess: LastSuccess = NOT_ASKED): string[] =>
  candidatesOf(
    readSituation(readGitlabJob({ CI_DEFAULT_BRANCH: 'trunk', ...env })).situation,
    lastSuccess,
  ).map(describeCandidate);

const BRANCH = { CI_COMMIT_BRANCH: 'feature' };
const DEFAULT = { CI_COMMIT_BRANCH: 'trunk' };
const found: LastSuccess = { kind: 'found', sha: sha('5'), pipelineId: 77 };

describe('candidates for the base', () => {
  const mergeRequest = {
    CI_MERGE_REQUEST_IID: '12',
    CI_MERGE_REQUEST_DIFF_BASE_SHA: sha('1'),
    CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'trunk',
    CI_COMMIT_BEFORE_SHA: ZEROS,
  };

  it.each(['detached', 'merged_result', 'merge_train'])(
    'a merge request (%s) is compared with the base of its diff, whatever became of the target since',
    (type) => {
      expect(order({ ...mergeRequest, CI_MERGE_REQUEST_EVENT_TYPE: type })).toEqual([
        'commit 1',
        'branch-point trunk',
        'everything',
      ]);
    },
  );

  it('a child pipeline of a merge request counts as one', () => {
    const env = { ...mergeRequest, ...BRANCH, CI_PIPELINE_SOURCE: 'parent_pipeline' };
    expect(order(env)[0]).toBe('commit 1');
  });

  it('a merge request without a base is compared with its target branch', () => {
    expect(order({ ...mergeRequest, CI_MERGE_REQUEST_DIFF_BASE_SHA: '' })).toEqual([
      'branch-point trunk',
      'everything',
    ]);
  });

  it('a branch is compared with its last pipeline that passed', () => {
    expect(order({ ...BRANCH, CI_COMMIT_BEFORE_SHA: sha('2') }, found)[0]).toBe('commit 5 if in history');
  });

  it('what was pushed before is no base when GitLab says that nothing has passed', () => {
    const env = { CI_COMMIT_BEFORE_SHA: sha('2') };
    expect(order({ ...BRANCH, ...env }, { kind: 'none' })).toEqual(['branch-point trunk', 'everything']);
    expect(order({ ...DEFAULT, ...env }, { kind: 'none' })).toEqual(['everything']);
  });

  it('without a token a branch is compared with what was pushed before, unless it was force-pushed', () => {
    const env = { CI_COMMIT_BEFORE_SHA: sha('2') };
    expect(order({ ...BRANCH, ...env })).toEqual([
      'commit 2 if in history',
      'branch-point trunk',
      'everything',
    ]);
    expect(order({ ...DEFAULT, ...env })).toEqual(['commit 2 if in history', 'fork-of 2', 'everything']);
  });

  it('a new branch is compared with the default branch, and the first push to that with nothing', () => {
    expect(order({ ...BRANCH, CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual(['branch-point trunk', 'everything']);
    expect(order({ ...DEFAULT, CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual(['everything']);
  });

  it('a schedule has no commit before: only a token saves building everything on the default branch', () => {
    const env = { ...DEFAULT, CI_PIPELINE_SOURCE: 'schedule', CI_COMMIT_BEFORE_SHA: ZEROS };
    expect(order(env)).toEqual(['everything']);
    expect(order(env, found)).toEqual(['commit 5 if in history', 'everything']);
  });

  it('a tag is compared with the previous one', () => {
    expect(order({ CI_COMMIT_TAG: 'v2', CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual([
      'previous-tag',
      'everything',
    ]);
  });

  it('outside of GitLab the default branch of nx.json is what counts', () => {
    const { situation } = readSituation(null, 'develop');
    expect(candidatesOf(situation, NOT_ASKED).map(describeCandidate)).toEqual([
      'branch-point develop',
      'everything',
    ]);
  });
});
