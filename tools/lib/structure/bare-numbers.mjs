// Constants such as `const POLL_MS = 50;` without a comment. A number that people may want to set, or have to know of, is an entry
// of the table of limits, which is documented. Of any other number the comment says what it is and why it is not in that table.
import ts from 'typescript';

const TABLE = 'packages/protocol/src/limits.ts';

const isConstant = (node, source) =>
  ts.isVariableStatement(node) &&
  (node.declarationList.flags & ts.NodeFlags.Const) !== 0 &&
  node.declarationList.declarations.some(
    ({ name, initializer }) =>
      /^[A-Z][A-Z_0-9]*$/.test(name.getText(source)) &&
      initializer !== undefined &&
      /^-?[0-9]/.test(initializer.getText(source)),
  );

function numbersOf({ name, source }) {
  const lineAt = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  /** A comment that an empty line separates from the constant is about something else. */
  const hasComment = (node) => {
    const first = lineAt(node.getStart(source));
    const above = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
    const beside = ts.getTrailingCommentRanges(source.text, node.end) ?? [];
    return beside.length > 0 || above.some(({ pos, end }) => lineAt(end) >= first - 1 && isOwnLine(pos));
  };
  /** The comment beside the statement before is that one's. */
  const isOwnLine = (position) => {
    const begin = source.getPositionOfLineAndCharacter(lineAt(position) - 1, 0);
    return source.text.slice(begin, position).trim() === '';
  };
  const found = [];
  const visit = (node) => {
    if (isConstant(node, source) && !hasComment(node))
      found.push(`${name}:${lineAt(node.getStart(source))} ${node.getText(source)}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** @returns {string[]} */
export const bareNumbers = (sources) => sources.filter(({ name }) => name !== TABLE).flatMap(numbersOf);
