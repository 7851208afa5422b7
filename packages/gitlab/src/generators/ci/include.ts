import { isMap, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml';
import { applySplices, insertAfterLine, newlineOf, nextLine, type Splice } from '../text/splice';
import {
  contentEnd,
  findPair,
  indentOf,
  linesOfNode,
  rangeOf,
  readYaml,
  type GitlabYaml,
} from '../text/yaml';
import { scalar } from '../../pipeline/text';

/** Our entry of `include`. Paths start at the root of the repository. */
export const entryOf = (ours: string): string => `local: ${scalar(ours)}`;

/** Local files that an entry of `include` names. */
function localOf(entry: unknown): string | null {
  if (isScalar(entry)) {
    const value = String(entry.value);
    return /^https?:/.test(value) ? null : value;
  }
  if (!isMap(entry)) return null;
  const local = findPair(entry, 'local')?.value;
  return isScalar(local) ? String(local.value) : null;
}

const entriesOf = (include: Pair | undefined): unknown[] => {
  if (include === undefined) return [];
  return isSeq(include.value) ? include.value.items : [include.value];
};

/** `a/*.yml` and `a/**` as GitLab interprets them. */
function covers(pattern: string, path: string): boolean {
  const source = pattern
    .replace(/^\//, '')
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*/g, (stars) => (stars === '*' ? '[^/]*' : '.*'));
  return new RegExp(`^${source}$`).test(path);
}

/** Paths and patterns of all `include: local`, without the leading slash. */
export function localIncludes({ root }: GitlabYaml): string[] {
  if (root === null) return [];
  return entriesOf(findPair(root, 'include'))
    .map(localOf)
    .filter((path) => path !== null)
    .map((path) => path.replace(/^\//, ''));
}

export const includesFile = (yaml: GitlabYaml, path: string): boolean =>
  localIncludes(yaml).some((pattern) => covers(pattern, path));

/** A new `include` at the end of the file, after a blank line. */
function newInclude({ text, document }: GitlabYaml, entry: string): Splice {
  const newline = newlineOf(text);
  // `...` may end a file: text after it would be ignored.
  const closing = document === null ? null : /^\.\.\.[ \t]*\r?$/m.exec(text);
  const at = closing?.index ?? text.length;
  const before = text.slice(0, at);
  const gap =
    before === '' || /\n\r?\n$/.test(before) ? '' : before.endsWith('\n') ? newline : newline + newline;
  return { start: at, end: at, text: `${gap}include:${newline}  - ${entry}${newline}` };
}

/** The single mapping below `include:` becomes the first entry of a list: its lines are indented by two more spaces. */
function mapToList(text: string, map: YAMLMap, entry: string): Splice[] {
  const { start } = rangeOf(map);
  const splices: Splice[] = [{ start, end: start, text: '- ' }];
  const end = contentEnd(map);
  for (let at = nextLine(text, start); at < end; at = nextLine(text, at)) {
    splices.push({ start: at, end: at, text: '  ' });
  }
  return [...splices, insertAfterLine(text, end, [`${indentOf(text, start)}- ${entry}`])];
}

function extended(text: string, pair: Pair, entry: string): Splice[] | null {
  const { value } = pair;
  const newline = newlineOf(text);
  if (isSeq(value) && value.tag !== '!reference') {
    const last = value.items.at(-1);
    if (value.flow === true) {
      const at = rangeOf(value).end - 1;
      return last === undefined
        ? [{ start: at, end: at, text: `{ ${entry} }` }]
        : [{ start: contentEnd(last), end: contentEnd(last), text: `, { ${entry} }` }];
    }
    const indent = indentOf(text, rangeOf(value).start);
    return [insertAfterLine(text, Math.max(contentEnd(last) - 1, 0), [`${indent}- ${entry}`])];
  }
  if (isScalar(value) && value.anchor === undefined) {
    const { start, end } = rangeOf(value);
    const old = text.slice(start, end);
    const key = rangeOf(pair.key).end;
    const lines = [...(old === '' ? [] : [`- ${old}`]), `- ${entry}`];
    const list = `:${lines.map((line) => `${newline}  ${line}`).join('')}`;
    return old.includes('\n') ? null : [{ start: key, end: Math.max(end, key + 1), text: list }];
  }
  if (isMap(value) && value.anchor === undefined) {
    const { start, end } = rangeOf(value);
    if (value.flow !== true) return mapToList(text, value, entry);
    return [
      { start, end: start, text: '[' },
      { start: end, end, text: `, { ${entry} }]` },
    ];
  }
  return null;
}

/**
 * Adds our entry to `include` in any form.
 * @param ours path of our file from the root of the repository
 * @returns null if adding text is not enough: no mapping, or an `include` that is an alias or a reference
 */
export function addInclude(text: string, ours: string): string | null {
  const yaml = readYaml(text);
  const entry = entryOf(ours);
  if (yaml === null) return null;
  if (includesFile(yaml, ours)) return text;
  if (yaml.root === null) {
    if (!isEmpty(yaml)) return null;
    return applySplices(text, [newInclude(yaml, entry)]);
  }
  if (yaml.root.flow === true) return null;
  const pair = findPair(yaml.root, 'include');
  const splices = pair === undefined ? [newInclude(yaml, entry)] : extended(text, pair, entry);
  return splices === null ? null : applySplices(text, splices);
}

/** At most comments. */
const isEmpty = ({ document }: GitlabYaml): boolean => {
  const contents = document?.contents ?? null;
  return contents === null || (isScalar(contents) && contents.value === null);
};

/** Removes our entry, and `include` itself with the blank line before it if nothing else is in it. */
export function removeInclude(text: string, ours: string): string {
  const yaml = readYaml(text);
  const pair = yaml?.root ? findPair(yaml.root, 'include') : undefined;
  if (pair === undefined) return text;
  const isOurs = (entry: unknown): boolean => localOf(entry)?.replace(/^\//, '') === ours;
  const entries = entriesOf(pair);
  const entry = entries.find(isOurs);
  if (entry === undefined) return text;
  if (entries.length === 1) {
    const whole = linesOfNode(text, rangeOf(pair.key).start, contentEnd(pair));
    const blank = /\r?\n(\r?\n)$/.exec(text.slice(0, whole.start));
    return applySplices(text, [{ ...whole, start: whole.start - (blank?.[1]?.length ?? 0) }]);
  }
  const { start } = rangeOf(entry);
  const flow = isSeq(pair.value) && pair.value.flow === true;
  if (!flow) return applySplices(text, [linesOfNode(text, start, contentEnd(entry))]);
  const comma = /,\s*$/.exec(text.slice(0, start));
  return applySplices(text, [{ start: start - (comma?.[0].length ?? 0), end: contentEnd(entry), text: '' }]);
}
