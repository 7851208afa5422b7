import { DteError, sessionIdSchema } from '@org/dte-protocol';
import type { Config } from './schema';

/** The pipeline of this process, if it is a CI job. */
interface PipelineIds {
  readonly projectId: string | null;
  readonly pipelineId: string | null;
}

/**
 * The session of a process: the configured one, or that of its pipeline, or `local`.
 * @throws DteError DTE_BAD_CONFIG if the parts give no valid id
 */
export function sessionIdOf(
  config: Pick<Config, 'session' | 'environment'>,
  pipeline: PipelineIds | null,
): string {
  if (config.session !== undefined) return config.session;
  const { projectId, pipelineId } = pipeline ?? { projectId: null, pipelineId: null };
  const parts = [projectId, pipelineId].filter((part) => part !== null);
  const base = pipelineId === null ? 'local' : parts.join('-');
  const id = config.environment === undefined ? base : `${base}-${config.environment}`;
  if (sessionIdSchema.safeParse(id).success) return id;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `The session id "${id}", made from CI_PROJECT_ID, CI_PIPELINE_ID and DTE_ENVIRONMENT, contains characters that are not allowed in an id; set DTE_SESSION_ID.`,
  );
}
