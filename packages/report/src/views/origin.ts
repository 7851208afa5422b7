import type { CacheOrigin } from '@org/dte-protocol';

/** Hex digits of a commit that people recognise. */
const COMMIT_DIGITS = 8;

/** `trusted: pipeline 4711, job 12, commit 1a2b3c4d, agent-2`: where a result of another pipeline comes from, for people. */
export function originText({ scope, pipelineId, jobId, commit, agent }: CacheOrigin): string {
  const parts = [
    `pipeline ${pipelineId}`,
    ...(jobId === null ? [] : [`job ${jobId}`]),
    ...(commit === '' ? [] : [`commit ${commit.slice(0, COMMIT_DIGITS)}`]),
    ...(agent === '' ? [] : [agent]),
  ];
  return `${scope === 'trusted' ? 'trusted' : 'this ref'}: ${parts.join(', ')}`;
}
