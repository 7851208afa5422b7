import { type CacheUse } from '@org/dte-nx-compat';
import { type Sharing } from '@org/dte-protocol';

/**
 * Whose results an agent may use for a task. One that must be made in this pipeline does not take an entry of this machine's cache
 * either: GitLab's job cache, or a runner that keeps its disk, brings those of other pipelines.
 */
export const cacheUseOf = (sharing: Sharing | undefined): CacheUse => ({
  local: sharing === undefined,
  shared: sharing === undefined,
  published: sharing !== 'never',
});
