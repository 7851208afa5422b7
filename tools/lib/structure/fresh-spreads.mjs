// Spreads of an object or array literal: TypeScript does not check spread properties for excess.
import ts from 'typescript';

const withoutCasts = (node) =>
  ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)
    ? withoutCasts(node.expression)
    : node;

function spreadsOf({ name, source }) {
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

/** @returns {string[]} */
export const freshSpreads = (sources) => sources.flatMap(spreadsOf);
