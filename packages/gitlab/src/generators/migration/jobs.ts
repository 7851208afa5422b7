import { isMap, isPair, isScalar, isSeq, visit, type Pair, type YAMLMap } from 'yaml';
import { type Report } from '../workspace/report';
import { scopeOf, type Scope } from './scope';
import { applySplices, insertAfterLine, lineNumber, type Splice } from '../text/splice';
import { idOf } from '../../pipeline/place';
import { findPair, indentOf, keyText, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';

/*
 * The user's own jobs that run our commands (rewritten or written by hand) need what the generated file gives its jobs:
 * GitLab's id token, the rendezvous, and permission for agents to fail.
 */
export type Role = 'main' | 'agent';

const COMMANDS: Readonly<Record<Role, RegExp>> = {
  main: /\bdte start-ci-run\b/,
  agent: /\bdte start-agent\b/,
};

const nameOf = (parents: readonly unknown[]): string => {
  const pair = topPair(parents);
  return pair === undefined ? '' : keyText(pair);
};

/** Which of our commands the file's own jobs run. */
export function rolesIn(text: string, scope: Scope): Set<Role> {
  const root = readYaml(text)?.root;
  const texts = (root ? textsOf(root) : [])
    .filter(({ parents }) => scope(nameOf(parents)))
    .map(({ scalar }) => scalar.value);
  return new Set(
    (['main', 'agent'] as const).filter((role) => texts.some((value) => COMMANDS[role].test(value))),
  );
}

/** Jobs that use scripts of `owner` through `!reference` or an alias; jobs that merge it inherit its keywords anyway. */
function usersOf(root: YAMLMap, owner: Pair): Pair[] {
  const anchors = new Set<string>();
  visit(owner.value as YAMLMap, {
    Node(_, node) {
      if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  const users = new Set<Pair>();
  const own = ['variables', 'id_tokens'];
  visit(root, {
    Seq(_, seq, path) {
      const [name] = seq.items;
      if (seq.tag === '!reference' && isScalar(name) && name.value === keyText(owner)) addTop(path);
    },
    Alias(_, alias, path) {
      if (!anchors.has(alias.source)) return;
      const parent = path.at(-1);
      const job = topPair(path)?.value;
      const merged = isPair(parent) && keyText(parent) === '<<';
      // `<<` merges only one level: keywords of the job itself override those of dte.
      const hides = isMap(job) && own.some((key) => findPair(job, key) !== undefined);
      if (!merged || hides) addTop(path);
    },
  });
  function addTop(path: readonly unknown[]): void {
    const job = topPair(path);
    if (job !== undefined && job !== owner) users.add(job);
  }
  return [...users];
}

/** Jobs by the commands they run, with shared lists resolved to the jobs that use them. */
function jobsRunning(root: YAMLMap): Map<Pair, Set<Role>> {
  const jobs = new Map<Pair, Set<Role>>();
  const add = (job: Pair, role: Role): void => void jobs.set(job, new Set([...(jobs.get(job) ?? []), role]));
  for (const { scalar, parents } of textsOf(root)) {
    for (const role of ['main', 'agent'] as const) {
      const owner = topPair(parents);
      if (owner === undefined || !COMMANDS[role].test(scalar.value)) continue;
      if (isMap(owner.value) && keyText(owner) !== 'default') add(owner, role);
      for (const user of usersOf(root, owner)) add(user, role);
    }
  }
  return jobs;
}

interface Wanted {
  readonly variables: Readonly<Record<string, string>>;
}

const DISTRIBUTION = ['DTE_RENDEZVOUS', 'DTE_COORDINATOR_URL', 'DTE_RENDEZVOUS_DIR'];

function missingVariables(map: YAMLMap, root: YAMLMap, wanted: Wanted): [string, string][] {
  const names = [map, root].flatMap((owner) => {
    const variables = findPair(owner, 'variables')?.value;
    return isMap(variables) ? variables.items.map(keyText) : [];
  });
  const isSet = (name: string): boolean =>
    names.includes(name) ||
    (DISTRIBUTION.includes(name) && DISTRIBUTION.some((other) => names.includes(other)));
  return Object.entries(wanted.variables).filter(([name]) => !isSet(name));
}

const hasToken = (map: YAMLMap): boolean => {
  const tokens = findPair(map, 'id_tokens')?.value;
  return isMap(tokens) && findPair(tokens, 'DTE_ID_TOKEN') !== undefined;
};

interface Addition {
  readonly splices: readonly Splice[];
  /** Lines of new keywords, to be inserted below the job's name. */
  readonly fresh: readonly string[];
  readonly added: readonly string[];
  readonly left: readonly string[];
}

/** Lines for one keyword: below the existing one, or new. Null if the existing one is not a block mapping. */
function below(
  text: string,
  map: YAMLMap,
  keyword: string,
  lines: (indent: string) => string[],
): Splice | string[] | null {
  const indent = indentOf(text, rangeOf(map.items[0]?.key).start);
  const pair = findPair(map, keyword);
  if (pair === undefined) return [`${indent}${keyword}:`, ...lines(`${indent}  `)];
  const { value } = pair;
  const first = isMap(value) && value.flow !== true ? value.items[0] : undefined;
  if (first === undefined) return null;
  return insertAfterLine(text, rangeOf(pair.key).end, lines(indentOf(text, rangeOf(first.key).start)));
}

function additionsTo(
  text: string,
  { root, map }: { readonly root: YAMLMap; readonly map: YAMLMap },
  roles: ReadonlySet<Role>,
  wanted: Wanted,
): Addition {
  const splices: Splice[] = [];
  const fresh: string[] = [];
  const added: string[] = [];
  const left: string[] = [];
  const put = (keyword: string, what: string, lines: (indent: string) => string[]): void => {
    const result = below(text, map, keyword, lines);
    if (result === null) left.push(what);
    else added.push(what);
    if (Array.isArray(result)) fresh.push(...result);
    else if (result !== null) splices.push(result);
  };
  const inDefault = findPair(root, 'default')?.value;
  if (
    !hasToken(map) &&
    !(isMap(inDefault) && hasToken(inDefault) && findPair(map, 'id_tokens') === undefined)
  ) {
    put('id_tokens', 'id_tokens: DTE_ID_TOKEN', (indent) => [
      `${indent}DTE_ID_TOKEN:`,
      `${indent}  aud: dte`,
    ]);
  }
  const variables = missingVariables(map, root, wanted);
  if (variables.length > 0) {
    const what = `variables: ${variables.map(([name]) => name).join(', ')}`;
    put('variables', what, (indent) => variables.map(([name, value]) => `${indent}${name}: ${value}`));
  }
  if (roles.has('agent') && findPair(map, 'allow_failure') === undefined) {
    fresh.push(`${indentOf(text, rangeOf(map.items[0]?.key).start)}allow_failure: true`);
    added.push('allow_failure: true');
  }
  return { splices, fresh, added, left };
}

/** What completes the jobs of a workspace. */
interface Completion {
  readonly path: string;
  /** Of the workspace in the repository. */
  readonly folder: string;
  readonly coordinator: string;
}

/** Gives the workspace's own jobs that run our commands the required keywords. */
export function completeJobs(
  text: string,
  { path, folder, coordinator }: Completion,
  report: Report,
): string {
  const root = readYaml(text)?.root;
  if (!root) return text;
  const place: Record<string, string> =
    coordinator === 'embedded' ? { DTE_RENDEZVOUS: 'gitlab-packages' } : { DTE_COORDINATOR_URL: coordinator };
  const id = idOf({ folder });
  // Agents in the generated file have it as well, and other workspaces have other sessions.
  const environment: Record<string, string> = id === null ? {} : { DTE_ENVIRONMENT: id };
  const scope = scopeOf(text, folder);
  const wanted: Wanted = {
    variables: { ...place, ...environment, NX_SKIP_ATOMIZER_VALIDATION: "'true'" },
  };
  const splices: Splice[] = [];
  for (const [job, roles] of jobsRunning(root)) {
    if (!scope(keyText(job))) continue;
    const at = `${path}:${lineNumber(text, rangeOf(job.key).start)}`;
    // A list that other jobs use is not a job: those jobs were found as well.
    if (isSeq(job.value)) continue;
    if (!isMap(job.value) || job.value.flow === true) {
      const variables = Object.entries(place).map(([name, value]) => `${name}: ${value}`);
      report.hand(
        at,
        `job ${keyText(job)} runs dte: add id_tokens (DTE_ID_TOKEN: aud: dte) and variables (${variables.join(', ')}) to it`,
      );
      continue;
    }
    const addition = additionsTo(text, { root, map: job.value }, roles, wanted);
    splices.push(...addition.splices);
    if (addition.fresh.length > 0) splices.push(insertAfterLine(text, rangeOf(job.key).end, addition.fresh));
    if (addition.added.length > 0) report.change(at, `${keyText(job)} has ${addition.added.join(' · ')}`);
    for (const what of addition.left) report.hand(at, `add to job ${keyText(job)}: ${what}`);
  }
  return applySplices(text, splices);
}
