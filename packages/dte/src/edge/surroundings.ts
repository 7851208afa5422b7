import type { Env } from '@org/dte-config';
import { extraAuthorities, type GitlabJob, readGitlabJob } from '@org/dte-gitlab';
import { join } from 'node:path';
import type { Surroundings } from '@org/dte-runner';

/** As described by GitLab. */
export interface GitlabSurroundings extends Surroundings {
  readonly job: GitlabJob | null;
}

/** Where this process runs. The only source of CI variables. */
export function readSurroundings(env: Env): GitlabSurroundings {
  const job = readGitlabJob(env);
  return { job, authorities: extraAuthorities(job, env), cliPath: join(__dirname, '..', 'cli', 'main.js') };
}
