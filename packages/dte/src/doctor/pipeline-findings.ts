import type { PipelineView } from '@org/dte-gitlab/generators';
import { note, ok, stop, type Finding } from './finding';
import type { Place } from './place';

const SETUP = 'npx nx g @org/dte:setup-gitlab';

/** What the pipeline of this workspace will run, and what would make it end green without a test. */
export function pipelineFindings(
  { hasCiFile, isLeftOut, hasMain, keepsReport, story }: PipelineView,
  place: Place,
): Finding[] {
  if (isLeftOut)
    return [
      stop(
        'no GitLab file includes .gitlab/dte.yml: GitLab never reads it, and no pipeline is distributed',
        `Run: ${SETUP}`,
      ),
    ];
  if (!hasCiFile) {
    // A job belongs to a pipeline, wherever its file is.
    return place === 'job'
      ? [note('there is no .gitlab-ci.yml here: what the pipeline runs is unknown')]
      : [
          stop(
            'there is no .gitlab-ci.yml here, so no pipeline is distributed',
            `Run: ${SETUP}. If the file of your pipeline has another name or place, run the doctor in a job of it.`,
          ),
        ];
  }
  const findings: Finding[] = [];
  if (!hasMain)
    findings.push(
      note(
        'no job of the GitLab files here runs `dte start-ci-run`: agents find the coordinator only after the first nx command',
        `Run: ${SETUP}, or add the command to the main job. If its jobs are in another project, nothing is to do.`,
      ),
    );
  if (hasMain && !keepsReport)
    findings.push(
      note(
        'a pipeline that fails keeps no report: the main job has no artifacts of .nx/dte/report/',
        `Run: ${SETUP}, or copy \`artifacts\` from docs/how-to/set-up-manually.md to your own main job.`,
      ),
    );
  if (story.testsNothing) {
    const targets = story.targets.length === 0 ? 'no target' : story.targets.join(', ');
    findings.push(
      stop(
        `the pipeline runs ${targets}, which no project has: it is green and tests nothing`,
        `Run: ${SETUP} --targets=<targets of your projects>`,
      ),
    );
  }
  const problems = story.problems.map(([place, what]) => note(`${place}: ${what}`));
  const sentences = story.testsNothing
    ? []
    : story.sentences.map(({ text, isGap }) => (isGap ? note(text) : ok(text)));
  return [...findings, ...problems, ...sentences];
}
