import { DteError } from '@org/dte-protocol';
import {
  artifactPaths,
  chooseTargets,
  hasBrowser,
  imageWith,
  projectsByTarget,
  type Chosen,
  type TargetsOfProject,
} from '../../checks';
import { asObject, parseJson } from '../text/json';
import { type Report } from '../workspace/report';
import { type Tree } from '../workspace/tree';
import { formatCheckOf, type FormatCheck } from './formatter';
import { withoutBrowser } from './tell-work';
import { type NxPorts, type WorkspaceView } from './workspace-view';

/** What the workspace itself says about the first pipeline. */
export interface Detected {
  readonly targets: readonly string[];
  readonly artifacts: readonly string[];
  /** `parallel` of nx.json; null if it sets none. */
  readonly parallel: number | null;
  readonly formatCheck: FormatCheck;
}

export interface Question {
  readonly tree: Tree;
  /** From the root of the workspace. */
  readonly ciFile: string;
  readonly view: WorkspaceView;
  readonly ask: NxPorts['ask'];
  readonly report: Report;
  /** The targets of a flag. */
  readonly asked: readonly string[] | undefined;
  /** The targets of an earlier run. */
  readonly remembered: readonly string[] | undefined;
  /** The user's own main job decides: nothing is chosen here. */
  readonly hasOwnMain: boolean;
  /** The image of the jobs; null if the runner decides. */
  readonly image: string | null;
  readonly fallback: { readonly targets: readonly string[]; readonly artifacts: readonly string[] };
}

/** As many as a command line or GitLab allow, like the flag. */
const MOST_PARALLEL = 256;

function parallelOfNxJson(tree: Tree): number | null {
  const json = parseJson(tree.exists('nx.json') ? (tree.read('nx.json', 'utf-8') ?? '{}') : '{}');
  const runner = asObject(asObject(asObject(json['tasksRunnerOptions'])['default'])['options']);
  const value = Number(json['parallel'] ?? runner['parallel'] ?? Number.NaN);
  return Number.isInteger(value) && value >= 1 && value <= MOST_PARALLEL ? value : null;
}

/** A command whose targets all do not exist is green and tests nothing. */
function refuseUnknown(projects: readonly TargetsOfProject[], asked: readonly string[]): void {
  const names = [...projectsByTarget(projects).keys()].sort();
  const exists = (target: string): boolean => projects.some(({ targets }) => targets.has(target));
  if (names.length === 0 || asked.some(exists)) return;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `--targets: no project of this workspace has ${asked.join(' or ')}; the pipeline would be green and test nothing. There are: ${names.join(', ')}.`,
  );
}

function versionsOf(tree: Tree): Record<string, unknown> {
  const manifest = parseJson(tree.read('package.json', 'utf-8') ?? '{}');
  return { ...asObject(manifest['dependencies']), ...asObject(manifest['devDependencies']) };
}

const countOf = (count: number): string => (count === 1 ? '1 project' : `${String(count)} projects`);

/** Asks in a terminal; anywhere else the recommended targets are taken, and told. */
async function choose({ tree, ask }: Question, projects: readonly TargetsOfProject[], chosen: Chosen) {
  const all = projectsByTarget(projects);
  const held = new Map(chosen.heldBack.map(({ target, why }) => [target, why]));
  const rank = (name: string): number =>
    chosen.targets.includes(name)
      ? chosen.targets.indexOf(name)
      : chosen.targets.length + (held.has(name) ? 0 : 1);
  const choices = [...all]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([value, having]) => {
      const why = held.get(value);
      return { value, label: `${value} (${countOf(having.length)}${why === undefined ? '' : `; ${why}`})` };
    });
  const answer = await ask(tree.root, 'Which targets does the pipeline run?', choices, chosen.targets);
  // In the order in which they were shown: agents leave after the last one.
  const picked = [...answer].sort((a, b) => rank(a) - rank(b));
  if (picked.length === 0)
    throw new DteError('DTE_BAD_CONFIG', 'No targets: select at least one, or set --targets.');
  return picked;
}

function tellHeldBack(question: Question, chosen: Chosen, targets: readonly string[]): void {
  const { tree, report } = question;
  for (const { target, why } of chosen.heldBack.filter((held) => !targets.includes(held.target))) {
    const tool = /^(Cypress|Playwright)/.exec(why)?.[1];
    const how =
      tool === undefined
        ? ''
        : `. To run it: npx nx g @org/dte:setup-gitlab --targets=${[...targets, target].join(',')} --image=${imageWith(tool, versionsOf(tree))}`;
    report.hand(`target ${target}`, `not in the pipeline, because ${why}${how}`);
  }
}

async function targetsFor(
  question: Question,
  projects: readonly TargetsOfProject[],
): Promise<readonly string[]> {
  const { image, fallback, report } = question;
  const chosen = chooseTargets(projects, hasBrowser(image));
  const isHeld = (target: string): boolean => chosen.heldBack.some((held) => held.target === target);
  if (chosen.targets.length === 0) {
    const targets = fallback.targets.filter((target) => !isHeld(target));
    report.hand(
      'targets',
      `no project has a target that is known to check something: the pipeline is written for ${targets.join(', ')}. For others: --targets=<names>`,
    );
    tellHeldBack(question, chosen, targets);
    return targets;
  }
  const targets = await choose(question, projects, chosen);
  tellHeldBack(question, chosen, targets);
  return targets;
}

function tellBrowsers(
  { tree, image, report }: Question,
  projects: readonly TargetsOfProject[],
  targets: readonly string[],
) {
  if (hasBrowser(image)) return;
  for (const { target, browsers } of withoutBrowser(projects, targets)) {
    const where =
      image === null ? 'the image of the jobs must have one' : `${image} is not known to have one`;
    const [tool = ''] = browsers;
    report.hand(
      `target ${target}`,
      `${browsers.join(' and ')} needs a browser, and ${where}: for example --image=${imageWith(tool, versionsOf(tree))}`,
    );
  }
}

/**
 * Targets, artifacts and more for a first pipeline. Choices of the user are not judged, apart from targets that do not exist.
 * @throws DteError DTE_BAD_CONFIG if a flag names only targets that no project has
 */
export async function detectWork(question: Question): Promise<Detected> {
  const { tree, view, report, asked, remembered, hasOwnMain, fallback } = question;
  const { projects, problem } = view;
  const formatCheck = await formatCheckOf(tree, view.formatters, question.ciFile);
  const known = { parallel: parallelOfNxJson(tree), formatCheck };
  if (projects === null) {
    const targets = asked ?? remembered ?? fallback.targets;
    report.hand(
      'project graph',
      `Nx could not build it (${problem ?? 'unknown reason'}), so nothing here depends on it: make sure that ${targets.join(', ')} exist, and run \`npx dte doctor\` when \`npx nx graph\` works`,
    );
    return { ...known, targets, artifacts: fallback.artifacts };
  }
  if (asked !== undefined) refuseUnknown(projects, asked);
  const given = asked ?? remembered ?? (hasOwnMain ? fallback.targets : undefined);
  const targets = given ?? (await targetsFor(question, projects));
  if (!hasOwnMain) tellBrowsers(question, projects, targets);
  const { paths, leftOut } = artifactPaths(projects, targets);
  if (leftOut.length > 0 && remembered === undefined && !hasOwnMain)
    report.hand(
      'artifacts',
      `more folders than a list should have; not kept: ${leftOut.join(', ')}. Choose with --artifacts`,
    );
  return { ...known, targets, artifacts: paths };
}
