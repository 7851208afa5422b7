import { RUNNER, runnerOptionsOf } from '@org/dte-nx-compat';
import { packageManagerSteps } from '../../pipeline/package-managers';
import { type Pool } from '../../pipeline/options';
import { agentsIn } from '../../pipeline/pools';
import {
  labelsOf,
  lastTarget,
  renderRules,
  rewriteVendor,
  VendorFiles,
  type ConvertedRule,
  type VendorSettings,
} from '../migration';
import { type Wishes } from '../nx/nx-json';
import { asObject, parseJson } from '../text/json';
import { readYaml, textsOf } from '../text/yaml';
import { Report } from '../workspace/report';
import { type Repository } from '../workspace/repository';
import { type Tree } from '../workspace/tree';
import { type Installed } from './detect';
import { DEFAULTS } from './options';

/** The file with assignment rules that the main job reads. */
export const RULES_FILE = '.nx/dte.yaml';

interface Given {
  readonly tree: Tree;
  readonly repository: Repository;
  readonly installed: Installed;
  readonly report: Report;
}

/** What the vendor's lines and files ask for. */
export interface Migration {
  /** Agents that the vendor would have started, by label if there are rules; null if unknown. */
  readonly agents: number | readonly Pool[] | null;
  readonly wishes: Omit<Wishes, 'cache'>;
  /** Content of `.nx/dte.yaml`; null: it is not written. */
  readonly rulesFile: string | null;
  /** The vendor's files that were read. */
  readonly vendorFiles: readonly string[];
  /** Labels that rules need. */
  readonly labels: readonly string[];
}

const NOTHING: VendorSettings = {
  stopAfter: [],
  stopOnFailure: false,
  forwardEnv: [],
  pools: null,
  rules: [],
  files: [],
};
const NX_COMMAND = /\bnx (?:affected|run-many)\b.*/g;

/**
 * Our flag has one target where the vendor's file has all of them: agents leave after the command with any of them, so
 * it is the one that the pipeline runs last.
 */
function stopFlags(stopAfter: readonly string[], texts: readonly string[]): string[] {
  const scripts = texts.flatMap((text) => {
    const root = readYaml(text)?.root;
    return root ? textsOf(root).map(({ scalar }) => scalar.value) : [];
  });
  const run = scripts.flatMap((script) =>
    [...script.matchAll(NX_COMMAND)].map(([command]) => lastTarget(command)),
  );
  const last = run.findLast((target) => target !== null && stopAfter.includes(target)) ?? stopAfter.at(-1);
  return last === undefined ? [] : [`--stop-agents-after=${last}`];
}

const readText = (tree: Tree, path: string): string =>
  tree.exists(path) ? (tree.read(path, 'utf-8') ?? '') : '';

/** Labels that no agent would have go to the first ones: otherwise, the tasks of their rules would fail. */
function withAllLabels(pools: readonly Pool[], labels: readonly string[], report: Report): readonly Pool[] {
  const [first, ...others] = pools;
  const missing = labels.filter((label) => !pools.some((pool) => pool.labels.includes(label)));
  if (first === undefined || missing.length === 0) return pools;
  report.change(RULES_FILE, `nx-agent also has the labels that no other agents have: ${missing.join(', ')}`);
  return [{ ...first, labels: [...first.labels, ...missing] }, ...others];
}

function rulesFile(given: Given, rules: readonly ConvertedRule[]): string | null {
  const { tree, report } = given;
  if (rules.length === 0) return null;
  const options = runnerOptionsOf(parseJson(readText(tree, 'nx.json') || '{}'));
  if (tree.exists(RULES_FILE) || 'assignmentRules' in options) {
    report.hand(RULES_FILE, "there are rules already: the vendor's were not added");
    return null;
  }
  report.change(
    RULES_FILE,
    "written, with the vendor's assignment rules; `npx dte validate` shows which tasks they match",
  );
  const ignored = ['.gitignore', given.repository.inTree('.gitignore')].find((path) =>
    /^\/?(?:\*\*\/)?\.nx(?:\/\*{0,2})?\s*$/m.test(readText(tree, path)),
  );
  if (ignored !== undefined)
    report.hand(
      ignored,
      `it ignores .nx, so CI jobs would not have ${RULES_FILE} and any agent would take any task: ignore .nx/cache and .nx/workspace-data instead`,
    );
  return renderRules(rules);
}

/** Rewrites what is of the vendor in the project's GitLab files, and reads the vendor's own files. */
export function migrate(given: Given, files: Map<string, string>): Migration {
  const { tree, repository, installed, report } = given;
  const { folder } = repository;
  const { run } = packageManagerSteps(installed);
  const rewrite = (startFlags: readonly string[], to: Report) =>
    [...files].map(([path, text]) => ({
      path,
      ...rewriteVendor(text, { path, folder }, { run, startFlags }, to),
    }));

  const rehearsal = new Report();
  const named = rewrite([], rehearsal).flatMap(({ asked }) => asked.files);
  const nxJson = parseJson(readText(tree, 'nx.json') || '{}');
  const isOurs = asObject(asObject(nxJson['tasksRunnerOptions'])['default'])['runner'] === RUNNER;
  // Later runs must not convert again what the user may have changed since.
  const settings =
    isOurs && rehearsal.changed.length === 0
      ? NOTHING
      : new VendorFiles(tree, report).settings([...new Set(named)]);
  const results = rewrite(stopFlags(settings.stopAfter, [...files.values()]), report);
  for (const { path, text } of results) files.set(path, text);

  const asked = results.map((result) => result.asked);
  const inLines = asked.flatMap(({ pools }) => pools);
  const pools = inLines.length > 0 ? inLines : (settings.pools ?? []);
  const counts = asked.map(({ agents }) => agents).filter((agents) => agents !== null);
  const count = counts.length > 0 ? Math.max(...counts) : pools.length > 0 ? agentsIn(pools) : null;
  const written = rulesFile(given, settings.rules);
  const labels = written === null ? [] : labelsOf(settings.rules);
  const byKind =
    pools.length > 0 ? pools : [{ labels: labels.slice(0, 1), agents: count ?? DEFAULTS.agents }];
  return {
    agents: labels.length === 0 ? count : withAllLabels(byKind, labels, report),
    wishes: {
      forwardEnv: [...new Set([...asked.flatMap(({ forwardEnv }) => forwardEnv), ...settings.forwardEnv])],
      stopOnFailure: settings.stopOnFailure,
    },
    rulesFile: written,
    vendorFiles: settings.files,
    labels,
  };
}

/** The user's own agents get no labels from us: which machine has which is not visible in the files. */
export function tellLabels(labels: readonly string[], texts: readonly string[], report: Report): void {
  const escaped = (label: string): string => label.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const missing = labels.filter(
    (label) =>
      !texts.some((text) => new RegExp(String.raw`DTE_LABELS['"]?\s*[:=].*${escaped(label)}`).test(text)),
  );
  if (missing.length > 0)
    report.hand(
      RULES_FILE,
      `no agent job has the labels ${missing.join(', ')}, and the tasks of their rules would fail: set DTE_LABELS in the jobs that run \`dte start-agent\``,
    );
}
