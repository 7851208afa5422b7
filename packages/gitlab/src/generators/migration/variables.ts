import { isMap, isPair, isScalar, visit, type Pair, type YAMLMap } from 'yaml';
import { type Report } from '../workspace/report';
import { applySplices, lineNumber, type Splice } from '../text/splice';
import { contentEnd, keyText, linesOfNode, rangeOf, readYaml, topPair } from '../text/yaml';
import { fateOf, type VariableFate } from './environment';
import { type Scope } from './scope';

interface Found {
  readonly map: YAMLMap;
  readonly pair: Pair;
  readonly fate: VariableFate;
  readonly owner: Pair;
}

function vendorVariables(root: YAMLMap, scope: Scope): Found[] {
  const found: Found[] = [];
  visit(root, {
    Pair(_, owner, path) {
      const { value } = owner;
      if (!scope(keyText(topPair(path) ?? owner))) return;
      if (!isScalar(owner.key) || owner.key.value !== 'variables' || !isMap(value)) return;
      for (const pair of value.items) {
        const fate = isPair(pair) ? fateOf(keyText(pair)) : null;
        if (fate !== null) found.push({ map: value, pair, fate, owner });
      }
    },
  });
  return found;
}

/** Renames the vendor's names in all `variables:`, or removes their lines. */
export function rewriteVariables(
  text: string,
  { path, scope }: { readonly path: string; readonly scope: Scope },
  report: Report,
): string {
  const root = readYaml(text)?.root ?? null;
  if (root === null) return text;
  const found = vendorVariables(root, scope);
  const splices: Splice[] = [];
  const emptied = new Set<Pair>();
  for (const { map, pair, fate, owner } of found) {
    const name = keyText(pair);
    const { start, end } = rangeOf(pair.key);
    const place = `${path}:${lineNumber(text, start)}`;
    const allGo =
      found.filter((other) => other.map === map && other.fate.to === null).length === map.items.length;
    if (fate.to !== null) {
      splices.push({ start, end, text: fate.to });
      report.change(place, `${name} is now ${fate.to}`);
      continue;
    }
    if (map.flow === true && !allGo) {
      report.hand(place, `remove ${name}: ${fate.note ?? ''}`);
      continue;
    }
    report.change(place, `removed ${name}: ${fate.note ?? ''}`);
    if (!allGo) splices.push(linesOfNode(text, start, contentEnd(pair)));
    else if (!emptied.has(owner)) {
      emptied.add(owner);
      splices.push(linesOfNode(text, rangeOf(owner.key).start, contentEnd(owner)));
    }
  }
  return applySplices(text, splices);
}
