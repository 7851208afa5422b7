import { isMap, isNode, isScalar, isSeq, stringify } from 'yaml';
import { type Pool } from '../../pipeline/options';
import { lineNumber } from '../text/splice';
import { findPair, keyText, rangeOf, readYaml } from '../text/yaml';
import { type Report } from '../workspace/report';
import { type Tree } from '../workspace/tree';
import { convertRules, type ConvertedRule } from './assignment-rules';
import { isFile, mostOf, poolsIn } from './distribution';

/*
 * The vendor's own files: `.nx/ci-config.yaml` (read by every command of its client) and `.nx/workflows/*.yaml`, which the
 * former or a flag names. What has a counterpart is converted, and everything else is reported with its line.
 */
export const CI_CONFIG = ['.nx/ci-config.yaml', '.nx/ci-config.yml'] as const;
export const WORKFLOWS = '.nx/workflows';
export const PIPELINES = '.nx/pipelines';

/** What the vendor's files ask for. */
export interface VendorSettings {
  /** `lifecycle.stop-after`. */
  readonly stopAfter: readonly string[];
  /** `lifecycle.fail-after: 1`. */
  readonly stopOnFailure: boolean;
  readonly forwardEnv: readonly string[];
  /** Agents by kind; null if no file says. */
  readonly pools: readonly Pool[] | null;
  readonly rules: readonly ConvertedRule[];
  /** The files that were read. */
  readonly files: readonly string[];
}

const textsIn = (node: unknown): string[] =>
  (isSeq(node) ? node.items : [node]).flatMap((item) => (isScalar(item) ? [String(item.value)] : []));
const shown = (node: unknown): string => (isScalar(node) ? String(node.value) : '');

const SECTIONS = ['lifecycle', 'ai', 'dte', 'nx-agents'];
const AI = 'dte does not change your code';

/** Reads the vendor's files once, and reports every setting. */
export class VendorFiles {
  private readonly stopAfter: string[] = [];
  private stopOnFailure = false;
  private readonly forwardEnv: string[] = [];
  private readonly pools: (readonly Pool[])[] = [];
  private readonly rules: ConvertedRule[] = [];
  /** Files that are read or were. */
  private readonly read = new Set<string>();

  constructor(
    private readonly tree: Tree,
    private readonly report: Report,
  ) {}

  /** @param named files that flags of commands name */
  settings(named: readonly string[]): VendorSettings {
    for (const path of CI_CONFIG) this.ciConfig(path);
    for (const path of named) this.distributionFile(path);
    for (const path of this.inFolder(WORKFLOWS)) this.unnamed(path);
    for (const path of this.inFolder(PIPELINES))
      this.report.hand(path, 'it was not converted: only .nx/ci-config.yaml and the files that it names are');
    const { stopAfter, stopOnFailure, forwardEnv, rules } = this;
    return {
      files: [...this.read],
      stopAfter,
      stopOnFailure,
      forwardEnv,
      rules,
      pools: this.pools.length === 0 ? null : mostOf(this.pools),
    };
  }

  private inFolder(folder: string): string[] {
    if (!this.tree.exists(folder)) return [];
    return this.tree
      .children(folder)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => `${folder}/${name}`);
  }

  private parsed(path: string) {
    const text = this.tree.exists(path) ? this.tree.read(path, 'utf-8') : null;
    if (text === null || this.read.has(path)) return null;
    this.read.add(path);
    const yaml = readYaml(text);
    if (yaml === null) this.report.hand(path, 'it is not valid YAML: nothing in it was converted');
    const at = (node: unknown): string =>
      isNode(node) && node.range ? `${path}:${lineNumber(text, rangeOf(node).start)}` : path;
    return yaml?.root ? { root: yaml.root, at } : null;
  }

  private ciConfig(path: string): void {
    const file = this.parsed(path);
    if (file === null) return;
    for (const section of file.root.items) {
      const name = keyText(section);
      const settings = isMap(section.value) && name !== 'overrides' ? section.value.items : [];
      if (name === 'overrides' && isMap(section.value))
        for (const override of section.value.items)
          this.report.hand(
            file.at(override.key),
            `the settings for ${keyText(override)} were not converted: rules are the same for each DTE_ENVIRONMENT, and flags belong to its start-ci-run`,
          );
      else if (!SECTIONS.includes(name))
        this.report.dropped(file.at(section.key), `${name}: dte has no such setting`);
      for (const { key, value } of settings)
        this.setting(`${name}.${isScalar(key) ? String(key.value) : ''}`, value, file.at(key), file.at);
    }
  }

  private setting(name: string, value: unknown, place: string, at: (node: unknown) => string): void {
    const { report } = this;
    switch (name) {
      case 'lifecycle.stop-after':
        this.stopAfter.push(...textsIn(value));
        return report.change(place, `${name} is --stop-agents-after of start-ci-run`);
      case 'lifecycle.fail-after':
        return this.failAfter(Number(shown(value)), place);
      case 'lifecycle.heartbeat':
        return report.dropped(place, `${name}: dte always notices lost jobs (DTE_LEASE_MS)`);
      case 'ai.fix-tasks-patterns':
      case 'ai.auto-apply-patterns':
        return report.dropped(place, `${name}: ${AI}`);
      case 'dte.enabled-by-default':
        return report.dropped(
          place,
          shown(value) === 'false'
            ? `${name}: commands are distributed in jobs that run start-ci-run; pass --no-agents to those that must not be`
            : `${name}: commands of a job that runs start-ci-run are always distributed`,
        );
      case 'dte.distribute-on':
        return this.distributeOn(value, place);
      case 'dte.assignment-rules':
        return isScalar(value)
          ? this.distributionFile(shown(value), place)
          : this.takeRules(value, place, at);
      case 'nx-agents.with-env-vars': {
        const names = textsIn(value).filter((each) => /^[A-Za-z_]\w*$/.test(each));
        this.forwardEnv.push(...names);
        return report.change(place, `${name} is forwardEnv in nx.json: ${names.join(', ')}`);
      }
      default:
        return report.dropped(place, `${name}: dte has no such setting`);
    }
  }

  private failAfter(failures: number, place: string): void {
    if (failures === 1) {
      this.stopOnFailure = true;
      this.report.change(place, 'lifecycle.fail-after is stopAgentsOnFailure in nx.json');
    } else if (failures === 0)
      this.report.change(
        place,
        'lifecycle.fail-after 0 is what dte does: all tasks run, and a failed one fails the command',
      );
    else
      this.report.dropped(
        place,
        `lifecycle.fail-after ${failures}: agents leave after the first failure (1) or never (0)`,
      );
  }

  private distributeOn(value: unknown, place: string): void {
    if (isMap(value))
      return this.changesets(
        value.items.map((pair) => [keyText(pair), shown(pair.value)]),
        place,
      );
    const text = shown(value);
    if (text === 'manual')
      return this.report.change(place, 'distribute-on manual is --distribute-on=manual of start-ci-run');
    if (isFile(text)) return this.distributionFile(text, place);
    this.changesets([['default', text]], place);
  }

  /** Agents for small, medium and large changes: as many as for the largest. */
  private changesets(sizes: readonly [string, string][], place: string): void {
    const all = sizes.map(([, text]) => poolsIn(text));
    for (const [index, [name, text]] of sizes.entries())
      if (all[index] === null) this.report.hand(place, `distribute-on (${name}) was not converted: ${text}`);
    const pools = mostOf(all.filter((each) => each !== null));
    if (pools.length === 0) return;
    this.pools.push(pools);
    const text = pools.map(({ labels, agents }) => `${agents} ${labels.join('+')}`).join(', ');
    this.report.change(place, `distribute-on: agent jobs ${text}`);
    if (sizes.length > 1)
      this.report.dropped(
        place,
        'distribute-on: fewer agents for smaller changes; with --dynamic, a plan counts them for each pipeline',
      );
  }

  /** `distribute-on`, `assignment-rules` or both. */
  private distributionFile(path: string, from: string | null = null): void {
    const clean = path.replace(/^\.\//, '');
    if (!this.tree.exists(clean)) {
      this.report.hand(from ?? clean, `${clean} does not exist: its agents or rules were not converted`);
      return;
    }
    const file = this.parsed(clean);
    for (const { key, value } of file?.root.items ?? []) {
      const name = isScalar(key) ? String(key.value) : '';
      const place = file?.at(key) ?? clean;
      if (name === 'distribute-on') this.distributeOn(value, place);
      else if (name === 'assignment-rules') this.takeRules(value, place, file?.at ?? (() => clean));
      else if (name === 'launch-templates') this.launchTemplates(value, file?.at ?? (() => clean));
      else this.report.dropped(place, `${name}: dte has no such setting`);
    }
  }

  /** A file that nothing names: with Nx Cloud's own agents, launch templates are found without a name. */
  private unnamed(path: string): void {
    const text = this.tree.read(path, 'utf-8') ?? '';
    if (this.read.has(path)) return;
    const root = readYaml(text)?.root;
    const says = ['assignment-rules', 'distribute-on'].some(
      (key) => root && findPair(root, key) !== undefined,
    );
    // Several files could contradict each other: the named ones apply.
    if (says && this.rules.length + this.pools.length > 0)
      this.report.hand(path, 'its rules and agents were not converted: no command names this file');
    else this.distributionFile(path);
  }

  private takeRules(value: unknown, place: string, at: (node: unknown) => string): void {
    const converted = convertRules(value, { at, report: this.report });
    this.rules.push(...converted);
    if (converted.length > 0)
      this.report.change(place, `assignment-rules are in .nx/dte.yaml: ${converted.length} of them`);
  }

  private launchTemplates(value: unknown, at: (node: unknown) => string): void {
    for (const template of isMap(value) ? value.items : []) {
      const { value: settings } = template;
      const keys = isMap(settings) ? settings.items.map(keyText).join(', ') : '';
      this.report.dropped(
        at(template.key),
        `launch template ${keyText(template)} (${keys}): agents are GitLab jobs, with image, variables and before_script of their own`,
      );
    }
  }
}

const HEAD = [
  '# yaml-language-server: $schema=../node_modules/@org/dte/schemas/dte.schema.json',
  "# Which tasks run on which agents. Converted from the vendor's files by `nx g @org/dte:setup-gitlab`.",
];

/** `.nx/dte.yaml` */
export const renderRules = (rules: readonly ConvertedRule[]): string =>
  `${HEAD.join('\n')}\n${stringify({ 'assignment-rules': rules }, { aliasDuplicateObjects: false })}`;

/** The labels that the agents need. */
export const labelsOf = (rules: readonly ConvertedRule[]): string[] => [
  ...new Set(rules.flatMap((rule) => rule['run-on'].map(({ agent }) => agent))),
];
