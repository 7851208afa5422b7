import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@org/dte-testing';
import { parse, parseAllDocuments } from 'yaml';

const CHART = join(REPOSITORY, 'deploy', 'chart');

type Values = Record<string, unknown>;

/** One `{{ ... }}`; `-` takes the white space beside it. */
const ACTION = /\s*\{\{-\s+([^}]+?)\s*\}\}|\{\{\s*([^}]+?)\s*\}\}/g;

/**
 * Helm cannot be installed where the tests run. So the templates of the chart use only this part of its language: paths below
 * `.Values`, `.Release.Name`, `toJson` (JSON is YAML), and `if`, `else`, `range` and `end`. Anything else fails here.
 */
export function render(text: string, values: Values): string {
  const parts = split(text);
  const [out, rest] = block(parts, { Values: values, Release: { Name: 'dte' } });
  if (rest.length > 0) throw new Error(`{{ ${String(rest[0]?.action)} }} without a beginning`);
  return out;
}

interface Part {
  readonly text: string;
  readonly action: string | null;
}

function split(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(ACTION)) {
    parts.push({ text: text.slice(at, match.index), action: match[1] ?? match[2] ?? '' });
    at = match.index + match[0].length;
  }
  return [...parts, { text: text.slice(at), action: null }];
}

/** What comes before the `else` or `end` of a block, and that action with the rest. */
function block(parts: readonly Part[], scope: Values): [string, readonly Part[]] {
  const [first, ...rest] = parts;
  if (first === undefined) return ['', []];
  const { text, action } = first;
  if (action === null) return [text, []];
  if (action === 'end' || action === 'else') return [text, [{ text: '', action }, ...rest]];
  const [own, after] = perform(action, rest, scope);
  const [more, left] = block(after, scope);
  return [text + own + more, left];
}

function perform(action: string, rest: readonly Part[], scope: Values): [string, readonly Part[]] {
  const [word = '', path = ''] = action.split(' ');
  if (word === 'if') {
    const [then, after] = block(rest, scope);
    const [otherwise, end] = after[0]?.action === 'else' ? block(after.slice(1), scope) : ['', after];
    return [isTrue(valueAt(path, scope)) ? then : otherwise, end.slice(1)];
  }
  if (word === 'range') {
    const list = valueAt(path, scope) as Values[];
    const [, end] = block(rest, { ...scope, '': {} });
    return [list.map((each) => block(rest, { ...scope, '': each })[0]).join(''), end.slice(1)];
  }
  if (word === 'toJson') return [JSON.stringify(valueAt(path, scope)), rest];
  const value = valueAt(action, scope);
  if (typeof value !== 'string') throw new Error(`{{ ${action} }} is no text: use toJson`);
  return [value, rest];
}

const isTrue = (value: unknown): boolean => value !== '' && value !== false && value !== null;

function valueAt(path: string, scope: Values): unknown {
  if (!/^\.[A-Za-z.]*$/.test(path))
    throw new Error(`{{ ${path} }} is not in the part of the language that is used`);
  let value: unknown = scope;
  for (const name of path.slice(1).split('.')) {
    if (typeof value !== 'object' || value === null || !(name in value))
      throw new Error(`${path} is not in values.yaml`);
    value = Reflect.get(value, name);
  }
  return value;
}

export const chartValues = (): Values => parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values;

/** File name of a template -> its text. */
export function rendered(values: Values): Map<string, string> {
  const folder = join(CHART, 'templates');
  return new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, render(readFileSync(join(folder, name), 'utf8'), values)]),
  );
}

/** @throws Error if it is no YAML */
export const documentsOf = (text: string): unknown[] =>
  parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(error.message, { cause: error });
    return document.toJS() as unknown;
  });
