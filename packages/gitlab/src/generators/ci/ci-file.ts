import { isMap, isScalar } from 'yaml';
import { jobIn } from '../../pipeline/place';
import { type Report } from '../workspace/report';
import { type Repository } from '../workspace/repository';
import { lineNumber } from '../text/splice';
import { findPair, keyText, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';
import { addInclude, entryOf, removeInclude } from './include';
import { addStage, stagesOf } from './stages';

type Scope = (job: string) => boolean;

const WRITTEN = '# Written by `nx g @org/dte:setup-gitlab`. You can add your own jobs here.\n';

/** The file for a project that had none. */
const newCiFile = (stage: string, ours: string): string =>
  `${WRITTEN}stages:\n  - ${stage}\n\ninclude:\n  - ${entryOf(ours)}\n`;

const paste = (ours: string): string => `include: ⏎   - ${entryOf(ours)}`;

/** Where our include belongs. */
type CiPlace = Pick<Repository, 'ciFile' | 'ours'>;

/** The user's file with our include, and with the stage of our jobs among its stages. */
export function setUpCiFile(
  text: string | null,
  { ciFile, ours }: CiPlace,
  stage: string,
  report: Report,
): string {
  if (text === null) {
    report.change(ciFile, `created, with an include of ${ours}`);
    return newCiFile(stage, ours);
  }
  let edited = text;
  const included = addInclude(edited, ours);
  if (included === null) {
    report.hand(ciFile, `the include cannot be added automatically; add ${paste(ours)}`);
  } else if (included !== edited) {
    edited = included;
    report.change(ciFile, `include of ${ours}`);
  }
  const staged = addStage(edited, stage);
  if (staged === null) {
    if (stagesOf(edited)?.includes(stage) !== true)
      report.hand(ciFile, `stages: make sure that ${stage} is included`);
  } else if (staged !== edited) {
    edited = staged;
    report.change(ciFile, `stage ${stage}`);
  }
  return edited;
}

/** The user's file without our include; null if there was nothing else in it. */
export function tearDownCiFile(text: string, ours: string): string | null {
  const stage = stagesOf(text)?.[0];
  if (stage !== undefined && text === newCiFile(stage, ours)) return null;
  return removeInclude(text, ours);
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

const OURS = ['nx', 'nx-agent', 'nx-plan', 'nx-pipeline'];

/** The user's jobs that conflict with the dte jobs, or do the same work. */
export function tellRivals(
  text: string,
  { path, folder, ours }: Pick<Repository, 'folder' | 'ours'> & { readonly path: string },
  scope: Scope,
  report: Report,
): void {
  const names = new Set(OURS.map((name) => jobIn({ folder }, name)));
  const root = readYaml(text)?.root;
  if (!root) return;
  for (const job of root.items) {
    const name = keyText(job);
    const place = `${path}:${lineNumber(text, rangeOf(job.key).start)}`;
    if (names.has(name) && isMap(job.value) && findPair(job.value, 'script') !== undefined) {
      report.hand(
        place,
        `job ${name} has the same name as a job in ${ours} and overrides its script: rename it`,
      );
    }
  }
  const told = new Set<string>();
  for (const { scalar, parents } of textsOf(root)) {
    const job = topPair(parents);
    if (job === undefined || !/\bnx (?:affected|run-many)\b/.test(scalar.value)) continue;
    const name = keyText(job);
    if (names.has(name) || told.has(name) || !scope(name)) continue;
    told.add(name);
    report.hand(
      `${path}:${lineNumber(text, rangeOf(scalar).start)}`,
      `${name} runs nx too, in addition to job ${jobIn({ folder }, 'nx')}: remove the commands that this job now runs`,
    );
  }
}
