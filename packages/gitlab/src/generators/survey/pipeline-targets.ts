import { isMap } from 'yaml';
import { wordsFrom } from '../migration/words';
import { readYaml, textsOf } from '../text/yaml';

/** What the nx commands of GitLab files run. */
export interface PipelineTargets {
  /** Each once, in the order of the files. */
  readonly targets: readonly string[];
  /** The first command whose targets are in a variable. */
  readonly unread: string | null;
  /** Whether there is any such command. */
  readonly found: boolean;
}

const TARGET_FLAG = /^(?:-t|--targets?)(?:=(.*))?$/s;

/** Words of `nx affected -t lint test,build --parallel=2` that name targets. */
function targetsOf(words: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const flag = TARGET_FLAG.exec(words[at] ?? '');
    if (flag === null) continue;
    if (flag[1] !== undefined) {
      found.push(flag[1]);
      continue;
    }
    while (!(words[at + 1] ?? '-').startsWith('-')) found.push(words[++at] ?? '');
  }
  return found.flatMap((list) => list.split(',')).filter((name) => name !== '');
}

const COMMAND = /(?:^|[\s;&|(/])nx (?:affected|run-many)\b/g;
const ONE_TASK = /(?:^|[\s;&|(/])nx run ["']?[^\s:"']+:([^\s:"']+)/g;

/** @param texts of GitLab files; those that are not YAML are skipped */
export function pipelineTargets(texts: Iterable<string>): PipelineTargets {
  const targets = new Set<string>();
  let unread: string | null = null;
  let found = false;
  for (const text of texts) {
    const root = readYaml(text)?.root ?? null;
    if (!isMap(root)) continue;
    for (const { value } of textsOf(root).map(({ scalar }) => scalar)) {
      for (const match of value.matchAll(COMMAND)) {
        found = true;
        const words = wordsFrom(value, match.index + match[0].length).words.map((word) => word.value);
        for (const name of targetsOf(words)) {
          if (name.includes('$')) unread ??= `nx … ${words.join(' ')}`;
          else targets.add(name);
        }
      }
      for (const [, name = ''] of value.matchAll(ONE_TASK)) {
        found = true;
        targets.add(name);
      }
    }
  }
  return { targets: [...targets], unread, found };
}
