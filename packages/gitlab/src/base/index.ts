import type { LimitValues } from '@org/dte-protocol';
import type { Env } from '@org/dte-config';
import { extraAuthorities } from '../http';
import type { GitlabJob } from '../job';
import { candidatesOf, type LastSuccess } from './candidates';
import { BaseChooser, type Base } from './choose-base';
import { openGit, type GitOptions } from './git';
import { gitlabApiOf } from './gitlab-api';
import { findLastSuccess } from './last-success';
import { readSituation, type Situation } from './situation';

export interface BaseOptions {
  /** A folder of the clone. */
  readonly folder: string;
  /** For git. */
  readonly env: Env;
  readonly job: GitlabJob | null;
  /** A token that may read pipelines. */
  readonly token: string | undefined;
  /** `defaultBase` of nx.json. */
  readonly nxDefaultBase: string | null;
  readonly limits: LimitValues;
  /** Gets lines for the job's log. */
  readonly note: (line: string) => void;
}

const gitOptions = ({
  folder,
  env,
  job,
  limits,
}: Omit<BaseOptions, 'token' | 'nxDefaultBase'>): GitOptions => ({
  folder,
  env,
  repositoryUrl: job?.repositoryUrl ?? null,
  limits,
});

const noPipelinesAsked: LastSuccess = { kind: 'unknown', why: null };

async function lastSuccessOf(
  situation: Situation,
  options: BaseOptions,
  head: string,
  chooser: BaseChooser,
): Promise<LastSuccess> {
  const api = gitlabApiOf(options.job, options.token, extraAuthorities(options.job, options.env));
  if (situation.kind !== 'branch' || api === null) return noPipelinesAsked;
  // If a pipeline runs again for the same commit, it must still do something.
  const isEarlier = async (sha: string): Promise<boolean> => sha !== head && (await chooser.contains(sha));
  const answer = await findLastSuccess(api, situation, isEarlier, options.limits);
  if (answer.kind === 'none')
    options.note(`no pipeline of ${situation.branch} for an ancestor of this commit was successful`);
  if (answer.kind === 'unknown' && answer.why !== null)
    options.note(`the last successful pipeline is unknown: ${answer.why}`);
  return answer;
}

/**
 * The base commit for `nx affected --base`.
 * @throws DteError DTE_GIT_FAILED if there is no clone
 */
export async function findBase(options: BaseOptions): Promise<Base> {
  const { situation } = readSituation(options.job, options.nxDefaultBase);
  const git = openGit(gitOptions(options));
  const head = await git.head();
  const chooser = new BaseChooser(git, head, options.note);
  return chooser.choose(candidatesOf(situation, await lastSuccessOf(situation, options, head, chooser)));
}

/**
 * The built commit, for `nx affected --head`: the checkout, because Nx uses that.
 * @throws DteError DTE_GIT_FAILED
 */
export async function findHead(options: Omit<BaseOptions, 'token' | 'nxDefaultBase'>): Promise<string> {
  const head = await openGit(gitOptions(options)).head();
  const expected = readSituation(options.job).head;
  if (expected !== null && expected !== head)
    options.note(`${head} is checked out instead of CI_COMMIT_SHA (${expected})`);
  return head;
}
