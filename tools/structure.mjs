// npm run -s structure: measures the sources of all packages (specs and test support left out) with TypeScript's parser.
// The last line is `structure: {...}`; --verbose names what is behind each figure.
//
//   files, medianLines, maxLines   without the tables named below
//   longestFunction                lines of the longest function, method or arrow function
//   cycles                         knots of files, and of folders of one package, that import each other, types included
//   unusedExports                  public names of a package that no other package, test or tool uses
//   freshSpreads                   spreads of an object or array literal, which switch off the excess-property check
//   dteLines                       lines of packages/dte
import { dirname } from 'node:path';
import ts from 'typescript';
import { workspacePackages } from './lib/packages.mjs';
import { cyclesOf } from './lib/structure/graph.mjs';
import { importsOf, readSources, readUsers, resolveRelative } from './lib/structure/modules.mjs';

/** Files that are one long table; their length says nothing. */
const TABLES = [
  'packages/protocol/src/limits.ts',
  'packages/protocol/src/errors.ts',
  'packages/config/src/options/schema.ts',
];
const SHOWN = 25;

const linesOf = ({ source }) => source.getLineStarts().length - (source.text.endsWith('\n') ? 1 : 0);

function functionsOf({ name, source }) {
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const from = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const to = source.getLineAndCharacterOfPosition(node.end).line;
      const called = node.name?.getText(source) ?? node.parent?.name?.getText?.(source) ?? 'anonymous';
      found.push({ lines: to - from + 1, what: `${name}:${from + 1} ${called}` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const withoutCasts = (node) =>
  ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)
    ? withoutCasts(node.expression)
    : node;

function freshSpreadsOf({ name, source }) {
  const found = [];
  const visit = (node) => {
    if (ts.isSpreadAssignment(node) || ts.isSpreadElement(node)) {
      const spread = withoutCasts(node.expression);
      if (ts.isObjectLiteralExpression(spread) || ts.isArrayLiteralExpression(spread))
        found.push(`${name}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function fileGraph(sources) {
  const known = new Set(sources.map(({ file }) => file));
  const nameOf = new Map(sources.map(({ file, name }) => [file, name]));
  return new Map(
    sources.map(({ file, name, source }) => [
      name,
      new Set(
        importsOf(source)
          .map(({ from }) => resolveRelative(file, from))
          .filter((target) => target !== undefined && known.has(target))
          .map((target) => nameOf.get(target)),
      ),
    ]),
  );
}

function folderGraph(files) {
  const folders = new Map();
  for (const [file, targets] of files) {
    const folder = dirname(file);
    const known = folders.get(folder) ?? folders.set(folder, new Set()).get(folder);
    for (const target of targets) if (dirname(target) !== folder) known.add(dirname(target));
  }
  return folders;
}

/** Public names of each package: what its index exports, through every `export *`. */
function publicNames(sources, index, seen = new Set()) {
  const own = sources.find(({ file }) => file === index);
  if (own === undefined || seen.has(index)) return [];
  seen.add(index);
  const names = [];
  for (const node of own.source.statements) {
    if (ts.isExportDeclaration(node)) {
      if (node.exportClause?.elements !== undefined)
        names.push(...node.exportClause.elements.map((element) => element.name.text));
      else if (node.moduleSpecifier !== undefined)
        names.push(...publicNames(sources, resolveRelative(index, node.moduleSpecifier.text), seen));
    } else if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      if (ts.isVariableStatement(node))
        names.push(...node.declarationList.declarations.map((one) => one.name.getText(own.source)));
      else if (node.name !== undefined) names.push(node.name.text);
    }
  }
  return names;
}

function unusedExports(sources) {
  const users = readUsers();
  return workspacePackages().flatMap(({ dir, path, manifest }) => {
    // What users import is public by its nature.
    if (dir === 'dte' || dir === 'nx-cloud-shim') return [];
    const used = new Set();
    for (const { file, source } of users) {
      if (file.startsWith(`${path}/src/`)) continue;
      for (const { from, names } of importsOf(source)) {
        if (from !== manifest.name) continue;
        if (names === null) (source.text.match(/\w+/g) ?? []).forEach((word) => used.add(word));
        else names.forEach((name) => used.add(name));
      }
    }
    const names = publicNames(sources, `${path}/src/index.ts`);
    return names.filter((name) => !used.has(name)).map((name) => `${manifest.name}: ${name}`);
  });
}

const sources = readSources();
const counted = sources
  .filter(({ name }) => !TABLES.includes(name))
  .map((one) => ({ lines: linesOf(one), what: one.name }))
  .sort((a, b) => b.lines - a.lines);
const functions = sources.flatMap(functionsOf).sort((a, b) => b.lines - a.lines);
const files = fileGraph(sources);
const cycles = [...cyclesOf(files), ...cyclesOf(folderGraph(files))].map((nodes) => nodes.join(' <-> '));
const unused = unusedExports(sources);
const spreads = sources.flatMap(freshSpreadsOf);

if (process.argv.includes('--verbose')) {
  const show = (title, lines) => {
    console.log(`${title}: ${lines.length}`);
    for (const line of lines.slice(0, SHOWN)) console.log(`  ${line}`);
    if (lines.length > SHOWN) console.log(`  and ${lines.length - SHOWN} more`);
  };
  const measured = ({ lines, what }) => `${String(lines).padStart(4)} ${what}`;
  show('Files above 350 lines', counted.filter(({ lines }) => lines > 350).map(measured));
  show('Functions above 60 lines', functions.filter(({ lines }) => lines > 60).map(measured));
  show('Cycles', cycles);
  show('Unused exports', unused);
  show('Fresh spreads', spreads);
}

const figures = {
  files: sources.length,
  medianLines: counted[Math.floor(counted.length / 2)].lines,
  maxLines: counted[0].lines,
  longestFunction: functions[0].lines,
  cycles: cycles.length,
  unusedExports: unused.length,
  freshSpreads: spreads.length,
  dteLines: sources.filter((one) => one.package === 'dte').reduce((sum, one) => sum + linesOf(one), 0),
};
console.log(`structure: ${JSON.stringify(figures)}`);
