import { isMap, isScalar } from 'yaml';
import { GITLAB_FILE } from '../../pipeline/options';
import { type Report } from '../workspace/report';
import { lineNumber } from '../text/splice';
import { findPair, keyText, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';
import { addInclude, removeInclude } from './include';
import { addStage, stagesOf } from './stages';

export const CI_FILE = '.gitlab-ci.yml';

const WRITTEN = '# Written by `nx g @org/dte:setup-gitlab`. You can add your own jobs here.\n';

/** The file for a project that had none. */
const newCiFile = (stage: string): string =>
  `${WRITTEN}stages:\n  - ${stage}\n\ninclude:\n  - local: ${GITLAB_FILE}\n`;

const PASTE = `include:\n  - local: ${GITLAB_FILE}`.replace('\n', ' ⏎ ');

/** The user's file with our include, and with the stage of our jobs among its stages. */
export function setUpCiFile(text: string | null, stage: string, report: Report): string {
  if (text === null) {
    report.change(CI_FILE, `created, with an include of ${GITLAB_FILE}`);
    return newCiFile(stage);
  }
  let edited = text;
  const included = addInclude(edited);
  if (included === null) {
    report.hand(CI_FILE, `the include cannot be added automatically; add ${PASTE}`);
  } else if (included !== edited) {
    edited = included;
    report.change(CI_FILE, `include of ${GITLAB_FILE}`);
  }
  const staged = addStage(edited, stage);
  if (staged === null) {
    if (stagesOf(edited)?.includes(stage) !== true)
      report.hand(CI_FILE, `stages: make sure that ${stage} is included`);
  } else if (staged !== edited) {
    edited = staged;
    report.change(CI_FILE, `stage ${stage}`);
  }
  return edited;
}

/** The user's file without our include; null if there was nothing else in it. */
export function tearDownCiFile(text: string): string | null {
  const stage = stagesOf(text)?.[0];
  if (stage !== undefined && text === newCiFile(stage)) return null;
  return removeInclude(text);
}

/** Does the file set the image of its jobs? Then it also applies to the dte jobs. */
export function hasImage(text: string): boolean {
  const root = readYaml(text)?.root;
  if (!root) return false;
  const inDefault = findPair(root, 'default')?.value;
  return (
    findPair(root, 'image') !== undefined || (isMap(inDefault) && findPair(inDefault, 'image') !== undefined)
  );
}

/** The stage of the job that runs `dte start-ci-run`: its agents must be in the same stage. */
export function stageOfMain(text: string): string | null {
  const root = readYaml(text)?.root;
  if (!root) return null;
  const main = textsOf(root).find(({ scalar }) => /\bdte start-ci-run\b/.test(scalar.value));
  const job = main === undefined ? undefined : topPair(main.parents)?.value;
  const stage = isMap(job) ? findPair(job, 'stage')?.value : undefined;
  return isScalar(stage) ? String(stage.value) : null;
}

const OURS = new Set(['nx', 'nx-agent', 'nx-plan', 'nx-pipeline']);

/** The user's jobs that conflict with the dte jobs, or do the same work. */
export function tellRivals(text: string, path: string, report: Report): void {
  const root = readYaml(text)?.root;
  if (!root) return;
  for (const job of root.items) {
    const name = keyText(job);
    const place = `${path}:${lineNumber(text, rangeOf(job.key).start)}`;
    if (OURS.has(name) && isMap(job.value) && findPair(job.value, 'script') !== undefined) {
      report.hand(
        place,
        `job ${name} has the same name as a job in ${GITLAB_FILE} and overrides its script: rename it`,
      );
    }
  }
  const told = new Set<string>();
  for (const { scalar, parents } of textsOf(root)) {
    const job = topPair(parents);
    if (job === undefined || !/\bnx (?:affected|run-many)\b/.test(scalar.value)) continue;
    const name = keyText(job);
    if (OURS.has(name) || told.has(name)) continue;
    told.add(name);
    report.hand(
      `${path}:${lineNumber(text, rangeOf(scalar).start)}`,
      `${name} runs nx too, in addition to job nx: remove the commands that job nx now runs`,
    );
  }
}
