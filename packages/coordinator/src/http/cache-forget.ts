import { cacheForgetSchema, decode, DteError, HTTP, LIMITS } from '@org/dte-protocol';
import { unauthorized } from '../auth/token';
import type { SharedResults } from '../shared/shared-results';
import { readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { answerError } from './error-answer';

/** Removes what a pipeline has stored for others; only for the main job of a pipeline that nobody else could have proposed. */
export const cacheForgetEndpoint = (shared: SharedResults | null): Endpoint => ({
  method: 'POST',
  path: HTTP.cacheForget,
  roles: ['main'],
  handle: (call) => forget(shared, call),
});

async function forget(
  shared: SharedResults | null,
  { claims: { grant }, request, reply }: Call,
): Promise<unknown> {
  const maxBytes = LIMITS.settingsBytes.value;
  const text = (await readBody(request.raw, maxBytes, 'The request')).toString('utf8');
  const { pipelineId } = decode(cacheForgetSchema, text, maxBytes);
  if (shared === null)
    throw new DteError(
      'DTE_BAD_CONFIG',
      'This coordinator has no shared cache (option cache, DTE_CACHE); nothing was removed.',
    );
  if (!shared.mayForget(grant))
    return answerError(
      reply,
      unauthorized(
        'Only a pipeline for a protected branch or tag of the project itself, not one of a merge request, may remove what pipelines have stored in the shared cache, and it proves with its id token that it is one; nothing was removed.',
      ),
      403,
    );
  return { forgotten: await shared.forget(grant, pipelineId) };
}
