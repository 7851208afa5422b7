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
    'compares a merge request (%s) with the base of its diff, even if the target branch has changed since',
    (type) => {
      expect(order({ ...mergeRequest, CI_MERGE_REQUEST_EVENT_TYPE: type })).toEqual([
        'commit 1',
        'branch-point trunk',
        'everything',
      ]);
    },
  );

  it('treats a child pipeline of a merge request as a merge request pipeline', () => {
    const env = { ...mergeRequest, ...BRANCH, CI_PIPELINE_SOURCE: 'parent_pipeline' };
    expect(order(env)[0]).toBe('commit 1');
  });

  it('compares a merge request without a base with its target branch', () => {
    expect(order({ ...mergeRequest, CI_MERGE_REQUEST_DIFF_BASE_SHA: '' })).toEqual([
      'branch-point trunk',
      'everything',
    ]);
  });

  it('compares a branch with the commit of its last pipeline that passed', () => {
    expect(order({ ...BRANCH, CI_COMMIT_BEFORE_SHA: sha('2') }, found)[0]).toBe('commit 5 if in history');
  });

  it('does not use the previously pushed commit as the base when GitLab reports that no pipeline has passed', () => {
    const env = { CI_COMMIT_BEFORE_SHA: sha('2') };
    expect(order({ ...BRANCH, ...env }, { kind: 'none' })).toEqual(['branch-point trunk', 'everything']);
    expect(order({ ...DEFAULT, ...env }, { kind: 'none' })).toEqual(['everything']);
  });

  it('compares a branch with the previously pushed commit if there is no token, unless it was force-pushed', () => {
    const env = { CI_COMMIT_BEFORE_SHA: sha('2') };
    expect(order({ ...BRANCH, ...env })).toEqual([
      'commit 2 if in history',
      'branch-point trunk',
      'everything',
    ]);
    expect(order({ ...DEFAULT, ...env })).toEqual(['commit 2 if in history', 'fork-of 2', 'everything']);
  });

  it('compares a new branch with the default branch, and the first push to the default branch with nothing', () => {
    expect(order({ ...BRANCH, CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual(['branch-point trunk', 'everything']);
    expect(order({ ...DEFAULT, CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual(['everything']);
  });

  it('builds everything in a scheduled pipeline on the default branch if there is no token, because there is no commit before', () => {
    const env = { ...DEFAULT, CI_PIPELINE_SOURCE: 'schedule', CI_COMMIT_BEFORE_SHA: ZEROS };
    expect(order(env)).toEqual(['everything']);
    expect(order(env, found)).toEqual(['commit 5 if in history', 'everything']);
  });

  it('compares a tag with the previous tag', () => {
    expect(order({ CI_COMMIT_TAG: 'v2', CI_COMMIT_BEFORE_SHA: ZEROS })).toEqual([
      'previous-tag',
      'everything',
    ]);
  });

  it('uses the default branch of nx.json outside of GitLab', () => {
    const { situation } = readSituation(null, 'develop');
    expect(candidatesOf(situation, NOT_ASKED).map(describeCandidate)).toEqual([
      'branch-point develop',
      'everything',
    ]);
  });
});
