// Makes the requires of compiled files lazy: a module is loaded when something of it is first used. Each process of the product
// uses a part of the packages, and loading all of them is most of what its start costs beyond Nx.
import ts from 'typescript';

/** Names that tsc makes for imports; it makes each once per file. */
const OF_TSC = /_\d+$/;

/** For a process that loads the rest when it has time: packages/client/src/load-rest.ts. Each entry: the file, and what it uses of a module. */
const REGISTRY = '(globalThis.dteLazyUses ??= [])';

/** Whether `withLazyRequires` would change it; much cheaper. */
export const hasEagerRequires = (text) =>
  /^(?:const|var) \w+_\d+ = (?:__import(?:Default|Star)\()*require\(/m.test(text);

/**
 * @param {string} text a CommonJS file as tsc writes it
 * @returns the same with lazy requires; line numbers stay. A file without requires, or one that was here before, is returned unchanged.
 */
export function withLazyRequires(text) {
  const file = ts.createSourceFile('file.js', text, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
  const declarations = new Map();
  for (const statement of file.statements) {
    const found = requireIn(statement);
    if (found !== null) declarations.set(found.name, found);
  }
  const edits = [];
  const visit = (node, user) => {
    const exported = nameOfReexport(node);
    // In parentheses, node's search for the names of a CommonJS module passes over it. It takes a getter that calls something for
    // unsafe, and `import()` would then lack the name, which the file's first lines say too: `exports.name = void 0`.
    if (exported !== null)
      edits.push({ from: exported.getStart(file), to: exported.end, text: `(${exported.getText(file)})` });
    if (ts.isIdentifier(node) && declarations.has(node.text)) {
      // In parentheses: `new x_1.Name()` would call the function itself with new.
      edits.push({ from: node.getStart(file), to: node.end, text: `(${node.text}())` });
      if (user !== null) declarations.get(node.text).uses.add(useOf(node, user));
    }
    // What an index file only passes on is used by the files that import it.
    ts.forEachChild(node, (child) => visit(child, exported !== null || user === null ? null : node));
  };
  const declared = new Set([...declarations.values()].map(({ statement }) => statement));
  for (const statement of file.statements) if (!declared.has(statement)) visit(statement, file);
  return applied(text, [...edits, ...[...declarations.values()].map((each) => lazyDeclaration(each, file))]);
}

/** `x_1().name` for `x_1.name`: an index file loads what has this name, and nothing else. */
const useOf = (node, user) =>
  ts.isPropertyAccessExpression(user) && user.expression === node
    ? `${node.text}().${user.name.text}`
    : `${node.text}()`;

function lazyDeclaration({ name, statement, value, uses }, file) {
  const registered =
    uses.size === 0 ? '' : ` ${REGISTRY}.push([__filename, () => [${[...uses].join(', ')}]]);`;
  return {
    from: statement.getStart(file),
    to: statement.end,
    // A declared function, because `export *` and hoisted functions may use it above this line.
    text: `var ${name}$; function ${name}() { return (${name}$ ??= ${value.getText(file)}); }${registered}`,
  };
}

/** `const x_1 = require('x')`, also with one of tsc's helpers around it; null if the statement is anything else. */
function requireIn(statement) {
  if (!ts.isVariableStatement(statement)) return null;
  const { declarations } = statement.declarationList;
  const [declaration] = declarations;
  if (declarations.length !== 1 || !ts.isIdentifier(declaration.name)) return null;
  const { text: name } = declaration.name;
  const value = declaration.initializer;
  return OF_TSC.test(name) && value !== undefined && isRequire(value)
    ? { name, statement, value, uses: new Set() }
    : null;
}

/** `Object.defineProperty(exports, 'name', { get … })`: the name; null if the node is anything else. */
function nameOfReexport(node) {
  if (!ts.isCallExpression(node) || node.arguments.length !== 3) return null;
  const [target, name, descriptor] = node.arguments;
  if (!ts.isIdentifier(target) || target.text !== 'exports' || !ts.isStringLiteral(name)) return null;
  const hasGetter =
    ts.isObjectLiteralExpression(descriptor) &&
    descriptor.properties.some((property) => property.name?.text === 'get');
  return hasGetter ? name : null;
}

function isRequire(node) {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || node.arguments.length !== 1)
    return false;
  const { text } = node.expression;
  if (text === '__importDefault' || text === '__importStar') return isRequire(node.arguments[0]);
  return text === 'require';
}

function applied(text, edits) {
  let out = '';
  let at = 0;
  for (const { from, to, text: replacement } of edits.sort((left, right) => left.from - right.from)) {
    out += text.slice(at, from) + replacement;
    at = to;
  }
  return out + text.slice(at);
}
