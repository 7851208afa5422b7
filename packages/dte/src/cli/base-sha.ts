import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { Command } from 'commander';
import { envWithSecrets, readNxJson, readNxJsonOptions, resolveConfig } from '@org/dte-config';
import { findBase, findHead, readGitlabJob } from '@org/dte-gitlab';
import { say, warn } from './context';

const EXAMPLES = `
Examples:
  $ export NX_BASE=$(npx dte base-sha) NX_HEAD=$(npx dte base-sha --head)
  $ npx nx affected -t lint,test,build

Merge request: the merge base with the target branch. Branch: its last successful pipeline, if DTE_GITLAB_TOKEN or
GITLAB_TOKEN may read pipelines (scope read_api), otherwise CI_COMMIT_BEFORE_SHA. Tag: the previous tag. If none of these is
available: the merge base with the default branch, otherwise the empty tree, so that every project is affected.
Standard output contains only the commit; standard error shows how it was found.`;

/** What both commands need. */
function asked(folder: string) {
  const { env } = process;
  const { config, limits } = resolveConfig({ env: envWithSecrets(), nxJson: readNxJsonOptions(folder) });
  return { config, options: { folder, env, job: readGitlabJob(env), limits, note: warn } };
}

/** Prints the commit to compare with, and on standard error how it was found. */
export async function baseOf(folder: string): Promise<string> {
  const { config, options } = asked(folder);
  // Many projects already have a token with this name for other tools.
  const { GITLAB_TOKEN: elsewhere = '' } = process.env;
  const token = config.gitlabToken ?? (elsewhere === '' ? undefined : elsewhere);
  const nxDefaultBase = readNxJson(folder).defaultBase ?? null;
  const base = await findBase({ ...options, token, nxDefaultBase });
  warn(`base ${base.sha}: ${base.what}`);
  return base.sha;
}

/** Prints the commit that is built. */
export const headOf = (folder: string): Promise<string> => findHead(asked(folder).options);

async function baseSha({ head = false }: { head?: boolean }): Promise<void> {
  const folder = findWorkspaceRoot();
  say(head ? await headOf(folder) : await baseOf(folder));
}

export function baseShaCommand(): Command {
  return new Command('base-sha')
    .description('print the base commit for `nx affected`, on GitLab')
    .option('--head', 'print the head commit instead')
    .addHelpText('after', EXAMPLES)
    .action(baseSha);
}
