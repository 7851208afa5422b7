import {
  isMap,
  isPair,
  isScalar,
  parseAllDocuments,
  visit,
  type Document,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { columnOf, lineStart, nextLine, type Splice } from './splice';

/*
 * GitLab files are read with yaml@2 and never written by it: its nodes provide positions, and edits are splices of the
 * text, so that comments, anchors, `!reference` and spacing are preserved. Unknown tags are left alone.
 */
export interface GitlabYaml {
  readonly text: string;
  /** The mapping of jobs and keywords: of the last document, because a `spec:` header is a separate document before it. Null: none. */
  readonly root: YAMLMap | null;
  readonly document: Document | null;
}

/** @returns null for text that is not YAML */
export function readYaml(text: string): GitlabYaml | null {
  const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false, merge: true });
  if (!Array.isArray(documents)) return { text, root: null, document: null };
  const document = documents.at(-1);
  if (document === undefined) return { text, root: null, document: null };
  if (documents.some(({ errors }) => errors.length > 0)) return null;
  return { text, root: isMap(document.contents) ? document.contents : null, document };
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** From the node's first character to the last one of its value, without anchors and tags. */
export function rangeOf(node: unknown): Range {
  const range = (node as { range?: [number, number, number] | null }).range;
  if (!range) throw new Error('a node that was not parsed has no place');
  return { start: range[0], end: range[1] };
}

/** The end of the last value inside: block collections include the comments after them, this does not. */
export function contentEnd(node: unknown): number {
  if (isPair(node)) return node.value == null ? rangeOf(node.key).end : contentEnd(node.value);
  const collection = node as { items?: unknown[]; flow?: boolean };
  const last = collection.items?.at(-1);
  if (last === undefined || collection.flow === true) return rangeOf(node).end;
  return contentEnd(last);
}

export const keyText = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : '');

export const findPair = (map: YAMLMap, key: string): Pair | undefined =>
  map.items.find((pair) => keyText(pair) === key);

/** A scalar that contains text, with the keys and nodes above it, outermost first. */
export interface TextNode {
  readonly scalar: Scalar<string>;
  readonly parents: readonly unknown[];
}

/** Every text in the values of the mapping; keys and targets of aliases are not visited again. */
export function textsOf(root: YAMLMap): TextNode[] {
  const found: TextNode[] = [];
  visit(root, {
    Scalar(key, scalar, path) {
      if (key === 'key' || typeof scalar.value !== 'string') return;
      found.push({ scalar: scalar as Scalar<string>, parents: [...path] });
    },
  });
  return found;
}

/** The top-level pair that contains a node. */
export const topPair = (parents: readonly unknown[]): Pair | undefined =>
  parents.find((node) => isPair(node));

/** Complete lines of a pair or an item of a block collection, from its own line to the end of its content. */
export function linesOfNode(text: string, start: number, end: number): Splice {
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end;
  return { start: lineStart(text, start), end: nextLine(text, last), text: '' };
}

/** Is there only white space and `- ` before the node on its line? */
export const startsLine = (text: string, start: number): boolean =>
  /^[ \t]*(- *)?$/.test(text.slice(lineStart(text, start), start));

export const indentOf = (text: string, offset: number): string => ' '.repeat(columnOf(text, offset));
