import { RUNNER_OPTIONS } from '@org/dte-nx-compat';
import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser';
import type { Problem } from './rule';

/** Loaded only if there is a file: every distributed nx command looks for one, and few workspaces have it. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
const yaml = (): typeof import('yaml') => require('yaml') as typeof import('yaml');

export type Path = readonly (string | number)[];

/** Written rules before validation, and the locations of their parts. */
export interface RulesSource {
  readonly file: string;
  readonly value: unknown;
  /** Line of the value at a path, starting at 1; of its key if `key` names one inside it. */
  lineOf(path: Path, key?: string): number;
}

export const RULES_FILE = '.nx/dte.yaml';
export const NX_JSON = 'nx.json';
/** The location of the rules in nx.json. */
const OPTION: Path = [...RUNNER_OPTIONS, 'assignmentRules'];

/** Parses the text of `.nx/dte.yaml`; null with its problems if it is not YAML. */
export function yamlSource(text: string): { source: RulesSource | null; problems: Problem[] } {
  const { isMap, isNode, isScalar, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const problems = document.errors.map(({ pos, message }): Problem => ({
    file: RULES_FILE,
    line: lineAt(pos[0]),
    level: 'error',
    message,
  }));
  if (problems.length > 0) return { source: null, problems };
  const nodeAt = (path: Path): unknown =>
    path.length === 0 ? document.contents : document.getIn(path, true);
  const lineOf = (path: Path, key?: string): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = nodeAt(path.slice(0, length));
      if (!isNode(node)) continue;
      const pair = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      const place = pair === undefined ? node : pair.key;
      if (isNode(place) && place.range) return lineAt(place.range[0]);
    }
    return 1;
  };
  return { source: { file: RULES_FILE, value: document.toJS() as unknown, lineOf }, problems };
}

/** Rules in nx.json; `text` is used only for locations, because nx.json may extend another file. */
export function nxJsonSource(text: string, value: unknown): RulesSource {
  const tree = parseTree(text);
  const nodeAt = (path: Path): Node | undefined =>
    tree === undefined ? undefined : findNodeAtLocation(tree, [...OPTION, ...path]);
  return {
    file: NX_JSON,
    value,
    lineOf: (path, key) => {
      for (let length = path.length; length >= 0; length--) {
        const node = nodeAt(path.slice(0, length));
        if (node === undefined) continue;
        const property =
          key === undefined ? undefined : node.children?.find((child) => child.children?.[0]?.value === key);
        return text.slice(0, (property ?? node).offset).split('\n').length;
      }
      return 1;
    },
  };
}
