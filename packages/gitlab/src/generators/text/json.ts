import { findNodeAtLocation, parse, parseTree, type JSONPath, type Node } from 'jsonc-parser';
import { z } from 'zod';
import { applySplices, lineStart, newlineOf, nextLine, type Splice } from './splice';

/*
 * Edits of JSON files that people maintain (nx.json may contain comments): only the affected property is written, in
 * the file's own indentation. (`modify` of jsonc-parser also formats the neighbours, and then `remove` could not
 * restore the file exactly.)
 */
export type Json = Record<string, unknown>;

const objectSchema = z.looseObject({});

/** An object's properties; `{}` for anything else. */
export function asObject(value: unknown): Json {
  const parsed = objectSchema.safeParse(value);
  return parsed.success ? parsed.data : {};
}

const LENIENT = { allowTrailingComma: true };
export const parseJson = (text: string): Json => asObject(parse(text, [], LENIENT) as unknown);

const endOf = (node: Node): number => node.offset + node.length;
const childrenOf = (node: Node): Node[] => node.children ?? [];
const keyOf = (property: Node): string => String(childrenOf(property)[0]?.value);
const unitOf = (text: string): string => /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
const indentAt = (text: string, offset: number): string =>
  /^[ \t]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? '';

/** Position of the following comma, if any; comments between it and the value are not skipped. */
function commaAfter(text: string, offset: number): number | null {
  const found = /^\s*,/.exec(text.slice(offset));
  return found === null ? null : offset + found[0].length - 1;
}

function renderProperty(text: string, key: string, value: unknown, indent: string): string {
  const body = JSON.stringify(value, null, unitOf(text))
    .split('\n')
    .join(`${newlineOf(text)}${indent}`);
  return `${JSON.stringify(key)}: ${body}`;
}

function insertProperty(text: string, object: Node, key: string, value: unknown): Splice[] {
  const properties = childrenOf(object);
  const newline = newlineOf(text);
  const [first] = properties;
  if (first === undefined) {
    const outer = indentAt(text, object.offset);
    const inner = outer + unitOf(text);
    const body = `{${newline}${inner}${renderProperty(text, key, value, inner)}${newline}${outer}}`;
    return [{ start: object.offset, end: endOf(object), text: body }];
  }
  const oneLine = !text.slice(object.offset, first.offset).includes('\n');
  const indent = indentAt(text, oneLine ? object.offset : first.offset);
  const body = renderProperty(text, key, value, indent);
  const keys = properties.map(keyOf);
  const sorted = keys.every((other, index) => index === 0 || (keys[index - 1] ?? '') <= other);
  const next = sorted && keys.length > 1 ? properties.find((property) => keyOf(property) > key) : undefined;
  if (next !== undefined) {
    const gap = oneLine ? ' ' : `${newline}${indent}`;
    return [{ start: next.offset, end: next.offset, text: `${body},${gap}` }];
  }
  const last = endOf(properties.at(-1) ?? first);
  const trailing = commaAfter(text, last);
  if (oneLine) return [{ start: last, end: last, text: `, ${body}` }];
  // A comment may end the last line: the comma goes before it, the property below it.
  const comma = trailing === null ? [{ start: last, end: last, text: ',' }] : [];
  const below = nextLine(text, trailing ?? last);
  return [
    ...comma,
    { start: below, end: below, text: `${indent}${body}${trailing === null ? '' : ','}${newline}` },
  ];
}

/** Sets one property. A new one goes to the end, or to its alphabetical place if the others are sorted. */
export function setJson(text: string, path: readonly string[], value: unknown): string {
  const root = parseTree(text, [], LENIENT);
  if (root?.type !== 'object') throw new Error('expected a JSON object');
  let object = root;
  for (const [index, key] of path.entries()) {
    const node = findNodeAtLocation(object, [key]);
    const rest = path.slice(index + 1);
    if (node?.type === 'object' && rest.length > 0) {
      object = node;
      continue;
    }
    const nested = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
    if (node === undefined) return applySplices(text, insertProperty(text, object, key, nested));
    const body = renderProperty(text, '', nested, indentAt(text, node.offset)).slice('"": '.length);
    return applySplices(text, [{ start: node.offset, end: endOf(node), text: body }]);
  }
  return text;
}

/** Removes one property with its line; an object that becomes empty stays, as `{}`. */
export function removeJson(text: string, path: JSONPath): string {
  const root = parseTree(text, [], LENIENT);
  const property = root && findNodeAtLocation(root, path)?.parent;
  const object = property?.parent;
  if (property === undefined || object === undefined) return text;
  const siblings = childrenOf(object);
  const index = siblings.indexOf(property);
  const [before, after] = [siblings[index - 1], siblings[index + 1]];
  if (before === undefined && after === undefined) {
    return applySplices(text, [{ start: object.offset, end: endOf(object), text: '{}' }]);
  }
  if (after !== undefined) {
    return applySplices(text, [{ start: property.offset, end: after.offset, text: '' }]);
  }
  const last = before === undefined ? property.offset : endOf(before);
  const trailing = commaAfter(text, endOf(property));
  if (trailing !== null) return applySplices(text, [{ start: last, end: trailing, text: '' }]);
  const comma = commaAfter(text, last) ?? last;
  const lead = /\r?\n[ \t]*$/.exec(text.slice(0, property.offset))?.[0] ?? '';
  const start = Math.max(comma + 1, property.offset - lead.length);
  return applySplices(text, [
    { start: last, end: comma + 1, text: '' },
    { start: lead === '' ? comma + 1 : start, end: endOf(property), text: '' },
  ]);
}
