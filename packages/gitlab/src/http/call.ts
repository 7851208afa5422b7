import { type BoundedAnswer, type BoundedRequest, boundedRequest } from '@org/dte-identity';

/** One request to a GitLab instance. */
export type GitlabCall = Omit<BoundedRequest, 'redirects'>;

export type GitlabAnswer = BoundedAnswer;

/** GitLab redirects a download once, to its object storage. Not configurable: only servers with redirect loops need more. */
export const REDIRECTS = 3;

/**
 * Every status is an answer. Redirects of downloads to object storage are followed, without the token.
 * @throws Error if there is no answer in time, or one that is too large
 */
export async function gitlabCall(call: GitlabCall): Promise<GitlabAnswer> {
  const answer = await boundedRequest({ ...call, redirects: REDIRECTS });
  if (!('exceeded' in answer)) return answer;
  if (answer.exceeded === 'size') throw new Error(`the answer has more than ${call.maxBytes} bytes`);
  throw new Error(`no answer within ${call.timeoutMs} ms`, { cause: answer.cause });
}
