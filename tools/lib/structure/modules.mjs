// The sources of all packages as parsed by TypeScript, and their imports. No types are needed.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { filesBelow, workspacePackages } from '../packages.mjs';

/** The folders of a package that hold sources: what Node loads, and the page of a report, which a browser loads. */
const SOURCE_FOLDERS = ['src', 'page'];

const isCode = (path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts');
const isSource = (path) =>
  isCode(path) && !path.endsWith('.spec.ts') && !path.split('/').includes('test-support');

const parse = (path) =>
  ts.createSourceFile(
    path,
    readFileSync(path, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('.tsx') ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );

/** Module specifiers of a file, including type-only and dynamic imports, each with the imported names (null: everything). */
export function importsOf(source) {
  const found = [];
  const named = (bindings) =>
    bindings?.elements === undefined
      ? null
      : bindings.elements.map((one) => (one.propertyName ?? one.name).text);
  const visit = (node) => {
    if (ts.isImportDeclaration(node))
      found.push({ from: node.moduleSpecifier.text, names: named(node.importClause?.namedBindings) });
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
      found.push({ from: node.moduleSpecifier.text, names: named(node.exportClause) });
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      found.push({
        from: node.argument.literal.text,
        names: node.qualifier === undefined ? null : [node.qualifier.getText()],
      });
    else if (
      ts.isCallExpression(node) &&
      node.arguments.length === 1 &&
      ts.isStringLiteralLike(node.arguments[0])
    ) {
      const isLate =
        node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText(source) === 'require';
      if (isLate) found.push({ from: node.arguments[0].text, names: null });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The file of a relative specifier; undefined for anything else. */
export function resolveRelative(file, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  const base = resolve(dirname(file), specifier);
  return [`${base}.ts`, `${base}.tsx`, join(base, 'index.ts'), base].find(
    (path) => /\.tsx?$/.test(path) && existsSync(path),
  );
}

/** Every source file of every package below `root`, parsed. */
export function readSources(root) {
  return workspacePackages(root).flatMap(({ dir, path }) =>
    SOURCE_FOLDERS.flatMap((folder) =>
      filesBelow(join(path, folder))
        .filter(isSource)
        .map((name) => {
          const file = join(path, folder, name);
          return { package: dir, file, name: relative(root, file), source: parse(file) };
        }),
    ),
  );
}

const SKIPPED = ['node_modules', 'dist', 'out-tsc', 'tmp', 'files'];

/** Everything that may use a package's public names: sources, specs, end-to-end tests, tools. */
export function readUsers(root) {
  const folders = [
    ...workspacePackages(root).map(({ path }) => path),
    join(root, 'e2e'),
    join(root, 'tools'),
  ];
  return folders.flatMap((folder) =>
    filesBelow(folder, (name) => SKIPPED.includes(name))
      .filter((name) => isCode(name) || name.endsWith('.mjs'))
      .map((name) => ({ file: join(folder, name), source: parse(join(folder, name)) })),
  );
}
