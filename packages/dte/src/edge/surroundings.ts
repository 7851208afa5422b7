import type { Env } from '@org/dte-config';
import { extraAuthorities, type GitlabJob, readGitlabJob } from '@org/dte-gitlab';
import { join } from 'node:path';
import type { Surroundings } from '@org/dte-runner';

/** As far as GitLab tells. */
export interface GitlabSurroundings extends Surroundings {
  readonly job: GitlabJob | null;
}

/** Where this process is. The one place where variables of CI come from. */
export function readSurroundings(env: Env): GitlabSurroundings {
  const job = readGitlabJob(env);
  return { job, authorities: extraAuthorities(job, env), cliPath: join(__dirname, '..', 'cli', 'main.js') };
}
