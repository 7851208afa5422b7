import { DteError, sessionIdSchema } from '@org/dte-protocol';
import type { Env } from './resolve';
import type { Config } from './schema';

/**
 * The session that a process belongs to: named, or that of the pipeline it runs in, or `local`.
 * @throws DteError DTE_BAD_CONFIG when the parts give no usable id
 */
export function sessionIdOf(config: Pick<Config, 'session' | 'environment'>, env: Env): string {
  if (config.session !== undefined) return config.session;
  const parts = [env['CI_PROJECT_ID'], env['CI_PIPELINE_ID']].filter(
    (part) => part !== undefined && part !== '',
  );
  const base = env['CI_PIPELINE_ID'] ? parts.join('-') : 'local';
  const id = config.environment === undefined ? base : `${base}-${config.environment}`;
  if (sessionIdSchema.safeParse(id).success) return id;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `The session id "${id}", made from CI_PROJECT_ID, CI_PIPELINE_ID and DTE_ENVIRONMENT, has characters that an id cannot have; set DTE_SESSION_ID.`,
  );
}
