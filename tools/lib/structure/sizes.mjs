// The sizes of files and functions.
import ts from 'typescript';

/** Files that are one long table; their length does not matter. */
const TABLES = [
  'packages/protocol/src/limits.ts',
  'packages/protocol/src/errors.ts',
  'packages/config/src/options/schema.ts',
];

export const linesOf = ({ source }) => source.getLineStarts().length - (source.text.endsWith('\n') ? 1 : 0);

/** @returns {{ size: number, what: string }[]} files without the tables, the longest first */
export const fileSizes = (sources) =>
  sources
    .filter(({ name }) => !TABLES.includes(name))
    .map((one) => ({ size: linesOf(one), what: one.name }))
    .sort((a, b) => b.size - a.size);

const nameOf = (node, source) =>
  node.name?.getText(source) ?? node.parent?.name?.getText?.(source) ?? 'anonymous';

function functionsOf({ name, source }) {
  const found = [];
  const lineAt = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const from = lineAt(node.getStart(source));
      found.push({ size: lineAt(node.end) - from + 1, what: `${name}:${from} ${nameOf(node, source)}` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** @returns {{ size: number, what: string }[]} functions, methods and callbacks, the longest first */
export const functionSizes = (sources) => sources.flatMap(functionsOf).sort((a, b) => b.size - a.size);
