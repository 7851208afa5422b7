// Makes the requires of compiled files lazy: a module is loaded when something of it is first used. Each process of the product
// uses a part of the packages, and loading all of them is most of what its start costs beyond Nx.
import ts from 'typescript';

/** Names that tsc makes for imports; it makes each once per file. */
const OF_TSC = /_\d+$/;

/** For a process that loads the rest when it has time: packages/client/src/load-rest.ts. */
const REGISTRY = '(globalThis.dteLazyRequires ??= [])';

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
  const edits = [...declarations.values()].map(({ name, statement, value }) => ({
    from: statement.getStart(file),
    to: statement.end,
    // A declared function, because `export *` and hoisted functions may use it above this line.
    text: `var ${name}$; function ${name}() { return (${name}$ ??= ${value.getText(file)}); } ${REGISTRY}.push(${name});`,
  }));
  const visit = (node) => {
    const exported = nameOfReexport(node);
    // In parentheses, node's search for the names of a CommonJS module passes over it. It takes a getter that calls something for
    // unsafe, and `import()` would then lack the name, which the file's first lines say too: `exports.name = void 0`.
    if (exported !== null)
      edits.push({ from: exported.getStart(file), to: exported.end, text: `(${exported.getText(file)})` });
    if (ts.isIdentifier(node) && declarations.has(node.text))
      // In parentheses: `new x_1.Name()` would call the function itself with new.
      edits.push({ from: node.getStart(file), to: node.end, text: `(${node.text}())` });
    ts.forEachChild(node, visit);
  };
  const declared = new Set([...declarations.values()].map(({ statement }) => statement));
  for (const statement of file.statements) if (!declared.has(statement)) visit(statement);
  return applied(text, edits);
}

/** `const x_1 = require('x')`, also with one of tsc's helpers around it; null if the statement is anything else. */
function requireIn(statement) {
  if (!ts.isVariableStatement(statement)) return null;
  const { declarations } = statement.declarationList;
  const [declaration] = declarations;
  if (declarations.length !== 1 || !ts.isIdentifier(declaration.name)) return null;
  const { text: name } = declaration.name;
  const value = declaration.initializer;
  return OF_TSC.test(name) && value !== undefined && isRequire(value) ? { name, statement, value } : null;
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
