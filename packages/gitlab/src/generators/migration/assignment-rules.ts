import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { type Report } from '../workspace/report';
import { keyText } from '../text/yaml';

/** A rule as `.nx/dte.yaml` has it (docs/how-to/assignment-rules.md). */
export interface ConvertedRule {
  projects?: readonly string[];
  targets?: readonly string[];
  configurations?: readonly string[];
  'run-on': readonly { agent: string; parallelism?: number }[];
}

type Kind = 'projects' | 'targets' | 'configurations';
/** Older forms of the vendor's rules have the singular, and one text. */
const KINDS: Readonly<Record<string, Kind>> = {
  project: 'projects',
  projects: 'projects',
  target: 'targets',
  targets: 'targets',
  configuration: 'configurations',
  configurations: 'configurations',
};

const list = (node: unknown): unknown[] => (isSeq(node) ? node.items : [node]);
const textOf = (node: unknown): string => (isScalar(node) ? String(node.value).trim() : '');

/**
 * One entry of the vendor's list in our syntax, or why there is none. An entry with commas matches what all of its
 * patterns match; in our lists, a later pattern adds, and one with `!` takes away.
 */
function alternative(entry: string): string[] | null {
  const patterns = entry
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '');
  const positive = patterns.filter((pattern) => !pattern.startsWith('!'));
  const every = positive.filter((pattern) => pattern === '*').length;
  // `*,x` is x. Of two others, something would have to match both.
  const needed =
    positive.length > every ? positive.filter((pattern) => pattern !== '*') : positive.slice(0, 1);
  if (patterns.length === 0 || needed.length > 1) return null;
  return [...needed, ...patterns.filter((pattern) => pattern.startsWith('!'))];
}

/** Lists of patterns of which any may match: simple patterns fit into one list, others need a rule of their own. */
function alternatives(entries: readonly string[]): { lists: string[][]; wrong: string[] } {
  const [simple, lists, wrong]: [string[], string[][], string[]] = [[], [], []];
  for (const entry of entries) {
    const one = alternative(entry);
    const [pattern] = one ?? [];
    if (one === null || pattern === undefined) wrong.push(entry);
    else if (one.length === 1 && !pattern.startsWith('!')) simple.push(pattern);
    else lists.push(one);
  }
  return { lists: simple.length === 0 ? lists : [simple, ...lists], wrong };
}

function agentsIn(node: unknown): ConvertedRule['run-on'] | null {
  const agents = list(node).map((item) => {
    if (isScalar(item)) return { agent: textOf(item) };
    if (!isMap(item)) return null;
    const label = textOf(item.get('agent', true));
    const parallelism = Number(textOf(item.get('parallelism', true)));
    return { agent: label, ...(Number.isInteger(parallelism) && parallelism > 0 ? { parallelism } : {}) };
  });
  const known = agents.filter((agent) => agent !== null && /^[^\s,]+$/.test(agent.agent));
  return known.length === agents.length && known.length > 0 ? known.filter((agent) => agent !== null) : null;
}

/** Where a list of rules is. */
export interface RulesPlace {
  /** `path:line` of a node. */
  readonly at: (node: unknown) => string;
  readonly report: Report;
}

function convertOne(rule: YAMLMap, { at, report }: RulesPlace): ConvertedRule[] {
  const place = at(rule);
  const kinds = new Map<Kind, string[][]>();
  let runOn: ConvertedRule['run-on'] | null = null;
  const fail = (why: string): ConvertedRule[] => {
    report.hand(
      place,
      `this rule was not converted: ${why}. Write it in .nx/dte.yaml (docs/how-to/assignment-rules.md)`,
    );
    return [];
  };
  for (const pair of rule.items) {
    const name = keyText(pair);
    const kind = KINDS[name];
    if (name === 'run-on' || name === 'runs-on') runOn = agentsIn(pair.value);
    else if (kind === undefined) report.dropped(at(pair.key), `${name} of a rule: dte does not know it`);
    else {
      const { lists, wrong } = alternatives(list(pair.value).map(textOf));
      if (wrong.length > 0)
        return fail(`${name} ${wrong.join(' ')} needs a name that matches several patterns at once`);
      kinds.set(kind, lists);
    }
  }
  if (runOn === null) return fail('its run-on names no agents');
  if (kinds.size === 0) return fail('it names no projects, targets or configurations');
  let rules: ConvertedRule[] = [{ 'run-on': runOn }];
  // Rules that one is split into are equally specific, and remain neighbours.
  for (const kind of ['configurations', 'targets', 'projects'] as const) {
    const lists = kinds.get(kind);
    if (lists !== undefined)
      rules = rules.flatMap((each) => lists.map((patterns) => ({ [kind]: patterns, ...each })));
  }
  const broad = (kinds.get('projects') ?? []).flat().filter((pattern) => /[^*]\*|\*[^*]/.test(pattern));
  if (broad.length > 0)
    report.hand(
      place,
      `check with \`npx dte validate\` which projects ${broad.join(' ')} selects: Nx reads it as in \`nx run-many --projects\`, where * matches no slash`,
    );
  return rules;
}

/** The vendor's list of rules in our syntax; each one that has no counterpart is reported. */
export function convertRules(rules: unknown, place: RulesPlace): ConvertedRule[] {
  if (!isSeq(rules)) return [];
  return rules.items.flatMap((rule) => {
    if (isMap(rule)) return convertOne(rule, place);
    place.report.dropped(place.at(rule), 'this is not a rule');
    return [];
  });
}
