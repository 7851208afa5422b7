import { type Report } from '../workspace/report';
import { type Repository } from '../workspace/repository';
import { type Tree } from '../workspace/tree';

/** What the user should know about where the workspace is in its repository. */
export function tellPlace(tree: Tree, { folder, hasGit, ciFile }: Repository, report: Report): void {
  if (!hasGit) {
    report.tip(
      'No git repository was found, so this folder is taken for its root. If the root will be above it, run this again when it exists.',
    );
  } else if (folder !== '') {
    report.tip(
      `The workspace is the folder ${folder} of its repository: GitLab reads ${ciFile}, and all jobs of dte begin in ${folder}.`,
    );
    if (tree.exists('.gitlab-ci.yml'))
      report.hand(
        '.gitlab-ci.yml',
        `GitLab does not read it here: it reads ${ciFile} (unless Settings > CI/CD > General pipelines names another file). Move what you need from it, and delete it`,
      );
  }
}
