import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { Command } from 'commander';
import { envWithSecrets, readNxJson, readNxJsonOptions, resolveConfig } from '@org/dte-config';
import { findBase, findHead, readGitlabJob } from '@org/dte-gitlab';
import { say, warn } from './context';

const EXAMPLES = `
Examples:
  $ export NX_BASE=$(npx dte base-sha) NX_HEAD=$(npx dte base-sha --head)
  $ npx nx affected -t lint,test,build

Merge request: where its branch left the target. Branch: the last pipeline of it that passed, when DTE_GITLAB_TOKEN or
GITLAB_TOKEN may read pipelines (scope read_api), else CI_COMMIT_BEFORE_SHA. Tag: the previous tag. Where none of these can be
used: where the history left the default branch, else the empty tree, with which every project counts as affected.
Standard output has the commit and nothing else; how it was found is said on standard error.`;

/** What both questions need to know. */
function asked(folder: string) {
  const { env } = process;
  const { config, limits } = resolveConfig({ env: envWithSecrets(), nxJson: readNxJsonOptions(folder) });
  return { config, options: { folder, env, job: readGitlabJob(env), limits, note: warn } };
}

/** The commit to compare with; how it was found is said on standard error. */
export async function baseOf(folder: string): Promise<string> {
  const { config, options } = asked(folder);
  // Many projects have a token under this name already, for other tools.
  const { GITLAB_TOKEN: elsewhere = '' } = process.env;
  const token = config.gitlabToken ?? (elsewhere === '' ? undefined : elsewhere);
  const nxDefaultBase = readNxJson(folder).defaultBase ?? null;
  const base = await findBase({ ...options, token, nxDefaultBase });
  warn(`base ${base.sha}: ${base.what}`);
  return base.sha;
}

/** The commit that is built. */
export const headOf = (folder: string): Promise<string> => findHead(asked(folder).options);

async function baseSha({ head = false }: { head?: boolean }): Promise<void> {
  const folder = findWorkspaceRoot();
  say(head ? await headOf(folder) : await baseOf(folder));
}

export function baseShaCommand(): Command {
  return new Command('base-sha')
    .description('print the commit that `nx affected` is to compare with, on GitLab')
    .option('--head', 'print the commit that is built instead')
    .addHelpText('after', EXAMPLES)
    .action(baseSha);
}
