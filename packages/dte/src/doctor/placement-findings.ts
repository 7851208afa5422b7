import type { PlacementProblem } from '@org/dte-gitlab/generators';
import { note, stop, type Finding } from './finding';

const AGAIN = 'Run `npx nx g @org/dte:setup-gitlab` again, commit and push.';

/** Whether GitLab reads the files of this workspace, which may be below the root of its repository. */
export function placementFindings(problems: readonly PlacementProblem[]): Finding[] {
  return problems.map(({ kind, file, folder, ciFile }) => {
    const cure = file === '.gitlab-ci.yml' ? `Move what you need from it to ${ciFile}.` : AGAIN;
    switch (kind) {
      case 'unread':
        return stop(`GitLab does not read ${file}: ${ciFile} does not include it`, cure);
      case 'unsure':
        return note(
          file === '.gitlab-ci.yml'
            ? `GitLab reads ${ciFile}, and not the file with this name in ${folder}, unless the project's settings name it`
            : `no include of ${file} was found: GitLab reads it only if an include of another project leads to it`,
          cure,
        );
      case 'outside':
        return stop(`the jobs in ${file} do not begin in ${folder}, where the workspace is`, cure);
    }
  });
}
