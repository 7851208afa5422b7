// Names that a package's index exports and nothing else imports.
import ts from 'typescript';
import { workspacePackages } from '../packages.mjs';
import { importsOf, readUsers, resolveRelative } from './modules.mjs';

/** What users of the product import is always public. */
const PRODUCTS = ['dte', 'nx-cloud-shim'];

function declaredNames(node, source) {
  if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) !== true) return [];
  if (ts.isVariableStatement(node))
    return node.declarationList.declarations.map((one) => one.name.getText(source));
  return node.name === undefined ? [] : [node.name.text];
}

/** The exports of a file, including those through `export *`. */
function publicNames(sources, file, seen = new Set()) {
  const own = sources.find((one) => one.file === file);
  if (own === undefined || seen.has(file)) return [];
  seen.add(file);
  return own.source.statements.flatMap((node) => {
    if (!ts.isExportDeclaration(node)) return declaredNames(node, own.source);
    if (node.exportClause?.elements !== undefined)
      return node.exportClause.elements.map((element) => element.name.text);
    if (node.moduleSpecifier === undefined) return [];
    return publicNames(sources, resolveRelative(file, node.moduleSpecifier.text), seen);
  });
}

/** A tool may load built files. */
const isOf = ({ dir, manifest }, specifier) =>
  specifier === manifest.name || specifier.endsWith(`/packages/${dir}/dist/index.js`);

function usedNames(one, users) {
  const used = new Set();
  for (const { file, source } of users) {
    if (file.startsWith(`${one.path}/src/`)) continue;
    for (const { from, names } of importsOf(source)) {
      if (!isOf(one, from)) continue;
      // If a module is imported as a whole, every name that the importing file mentions counts.
      for (const name of names ?? source.text.match(/\w+/g) ?? []) used.add(name);
    }
  }
  return used;
}

/** @returns {string[]} */
export function unusedExports(root, sources) {
  const users = readUsers(root);
  return workspacePackages(root)
    .filter(({ dir }) => !PRODUCTS.includes(dir))
    .flatMap((one) => {
      const used = usedNames(one, users);
      const names = publicNames(sources, `${one.path}/src/index.ts`);
      return names.filter((name) => !used.has(name)).map((name) => `${one.manifest.name}: ${name}`);
    });
}
