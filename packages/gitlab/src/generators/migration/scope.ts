import { isMap, isScalar, isSeq, visit, type Pair, type YAMLMap } from 'yaml';
import { findPair, keyText, readYaml, textsOf, topPair } from '../text/yaml';

/*
 * The pipeline of a repository may have jobs of several workspaces, and only a workspace's own jobs may be rewritten:
 * with our commands, jobs of another workspace fail if it does not have dte, and would take part in the wrong session if
 * it does.
 */

/** Is a job, or a keyword of the file such as `variables`, a concern of the workspace? */
export type Scope = (name: string) => boolean;

const EVERYTHING: Scope = () => true;
const KEYWORDS = ['default', 'include', 'stages', 'workflow', 'variables', 'image', 'before_script'];

const namesIn = (value: unknown): string[] => {
  if (isScalar(value)) return [String(value.value)];
  return isSeq(value) ? value.items.flatMap(namesIn) : [];
};

/** Names of the jobs whose keywords or scripts a job takes over: `extends`, `!reference`, aliases. */
function usedBy(root: YAMLMap, job: Pair): string[] {
  const used = isMap(job.value) ? namesIn(findPair(job.value, 'extends')?.value) : [];
  const anchors = new Map<string, string>();
  visit(root, {
    Node(_, node, path) {
      const owner = topPair(path);
      if ('anchor' in node && node.anchor !== undefined && owner !== undefined)
        anchors.set(node.anchor, keyText(owner));
    },
  });
  visit(job.value as YAMLMap, {
    Seq: (_, seq) => {
      if (seq.tag === '!reference') used.push(...namesIn(seq).slice(0, 1));
    },
    Alias: (_, { source }) => {
      const owner = anchors.get(source);
      if (owner !== undefined) used.push(owner);
    },
  });
  return used;
}

/** `cd apps/web`, `$CI_PROJECT_DIR/apps/web/x`, `--prefix=apps/web`; not `libs/apps/web` or `apps/web-api`. */
function naming(folder: string): RegExp {
  const escaped = folder.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?:^|[\s"'=]|\./|DIR\}?"?/)${escaped}(?![\w.@-])`, 'm');
}

/** From some nodes to all that can be reached. */
function reachable(from: readonly string[], next: (name: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const waiting = [...from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...next(name));
  }
  return found;
}

/**
 * At the root of the repository, everything. Below it, the jobs that name its folder in a script or a variable, jobs
 * that take something over from them, and what they take over themselves.
 */
export function scopeOf(text: string, folder: string): Scope {
  const root = readYaml(text)?.root;
  if (folder === '' || !root) return EVERYTHING;
  const pattern = naming(folder);
  const mentions = (pair: Pair): boolean =>
    isMap(pair.value) || isSeq(pair.value)
      ? textsOf(pair.value as YAMLMap).some(({ scalar }) => pattern.test(scalar.value))
      : isScalar(pair.value) && pattern.test(String(pair.value.value));
  const jobs = root.items.filter((pair) => !KEYWORDS.includes(keyText(pair)));
  const ofAll = ['default', 'before_script'].some((key) => {
    const pair = findPair(root, key);
    return pair !== undefined && mentions(pair);
  });
  if (ofAll) return EVERYTHING;
  const uses = new Map(jobs.map((job) => [keyText(job), usedBy(root, job)]));
  const users = (name: string): string[] =>
    [...uses].filter(([, used]) => used.includes(name)).map(([user]) => user);
  const own = reachable(jobs.filter(mentions).map(keyText), users);
  const all = reachable([...own], (name) => uses.get(name) ?? []);
  const foreign = jobs.some((job) => !all.has(keyText(job)) && !keyText(job).startsWith('.'));
  // Keywords of the file also belong to the jobs of others, if there are any.
  return (name) => all.has(name) || (KEYWORDS.includes(name) && !foreign);
}
