import { isPair, isSeq, type Pair, type Scalar, type YAMLSeq } from 'yaml';
import { type Pool } from '../../pipeline/options';
import { type Report } from '../workspace/report';
import { applySplices, lineNumber, type Splice } from '../text/splice';
import {
  contentEnd,
  keyText,
  linesOfNode,
  rangeOf,
  readYaml,
  startsLine,
  textsOf,
  topPair,
  type TextNode,
} from '../text/yaml';
import { rewriteCommands, type Launcher, type Rewrite } from './commands';
import { mostOf } from './distribution';
import { rewriteAssignments } from './environment';
import { type Scope } from './scope';

/** Further requirements from the vendor's lines. */
export interface Asked {
  /** Number of agents that the vendor would have started; null if no line contained a number. */
  readonly agents: number | null;
  readonly forwardEnv: readonly string[];
  /** The same agents by launch template. */
  readonly pools: readonly Pool[];
  /** Files with agents or assignment rules that commands name. */
  readonly files: readonly string[];
}

interface Edit {
  readonly node: TextNode;
  /** New text of the scalar's source; null removes the whole list entry. */
  readonly source: string | null;
  readonly place: string;
  readonly rewrites: readonly Rewrite[];
  readonly variables: readonly string[];
}

const PLAIN = /^[^\s!&*#?|>@`"'%{}[\],:-][^\n]*$/;
const needsQuotes = (text: string): boolean => !PLAIN.test(text) || /: | #|:$|\s$/.test(text);

/** The text as YAML, quoted as before or as necessary. */
function renderScalar(text: string, type: Scalar['type']): string {
  if (type === 'QUOTE_SINGLE') return `'${text.replaceAll("'", "''")}'`;
  if (type === 'QUOTE_DOUBLE' || needsQuotes(text)) return JSON.stringify(text);
  return text;
}

interface Shell {
  readonly text: string;
  readonly rewrites: readonly Rewrite[];
  readonly variables: readonly string[];
}

function rewriteShell(text: string, launcher: Launcher): Shell {
  const commands = rewriteCommands(text, launcher);
  const { text: edited, found } = rewriteAssignments(commands.text);
  const variables = found.map(({ name, fate }) =>
    fate.to === null ? `${name}: ${fate.note ?? ''}` : `${name} is now ${fate.to}`,
  );
  return { text: edited, rewrites: commands.rewrites, variables };
}

/** Lines that were rewritten to `true` do nothing: they are removed. */
function withoutNoops(before: string, after: string): string {
  const had = before.split('\n').filter((line) => line.trim() === 'true').length;
  if (had > 0) return after;
  return after
    .split('\n')
    .filter((line) => line.trim() !== 'true')
    .join('\n');
}

function editOf(text: string, path: string, node: TextNode, launcher: Launcher): Edit | null {
  const { scalar } = node;
  const { start, end } = rangeOf(scalar);
  const source = text.slice(start, end);
  const folded = scalar.type === 'BLOCK_FOLDED' && !scalar.value.trimEnd().includes('\n');
  const block = (scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED') && !folded;
  // A block is rewritten in place; anything else is parsed, rewritten and written again.
  const before = block ? source : scalar.value.trimEnd();
  const shell = rewriteShell(before, launcher);
  if (shell.text === before) return null;
  const tail = folded ? '\n' : '';
  const after = block ? withoutNoops(before, shell.text) : renderScalar(shell.text, scalar.type) + tail;
  const isNothing = block
    ? !after.includes('\n', after.indexOf('\n') + 1) && after.trim().length <= 2
    : shell.text === 'true';
  const place = `${path}:${lineNumber(text, start)}`;
  return { ...shell, node, place, source: isNothing ? null : after };
}

const REMOVABLE = new Set(['before_script', 'after_script']);

/** Entries to remove: their lines, or the whole keyword if nothing is left of it and a job does not need it. */
function removals(text: string, edits: readonly Edit[]): Splice[] {
  const splices: Splice[] = [];
  const bySeq = new Map<YAMLSeq, Edit[]>();
  // In quotes: GitLab does not accept a boolean as a command.
  const noop = ({ scalar }: TextNode): Splice => ({ ...rangeOf(scalar), text: '"true"' });
  const removePair = (pair: Pair): Splice => linesOfNode(text, rangeOf(pair.key).start, contentEnd(pair));
  for (const edit of edits) {
    const parent = edit.node.parents.at(-1);
    if (isSeq(parent)) bySeq.set(parent, [...(bySeq.get(parent) ?? []), edit]);
    else if (isPair(parent) && REMOVABLE.has(keyText(parent))) splices.push(removePair(parent));
    else splices.push(noop(edit.node));
  }
  for (const [seq, gone] of bySeq) {
    const owner = gone[0]?.node.parents.at(-2);
    const allGo = gone.length === seq.items.length;
    const unmovable = gone.some(
      ({ node: { scalar } }) => scalar.anchor !== undefined || !startsLine(text, rangeOf(scalar).start),
    );
    if (allGo && isPair(owner) && REMOVABLE.has(keyText(owner))) splices.push(removePair(owner));
    else if (unmovable) splices.push(...gone.map(({ node }) => noop(node)));
    else {
      // A list must not become empty: GitLab rejects a job without a script.
      const [first, ...rest] = gone;
      if (allGo && first !== undefined) splices.push(noop(first.node));
      for (const { node } of allGo ? rest : gone) {
        splices.push(linesOfNode(text, rangeOf(node.scalar).start, contentEnd(node.scalar)));
      }
    }
  }
  return splices;
}

function tell({ place, rewrites, variables }: Edit, report: Report): void {
  for (const { from, to, notes } of rewrites) {
    const shown = from.replace(/\s*\\?\s*\n\s*/g, ' ');
    report.change(place, to === null ? `removed \`${shown}\`` : `\`${shown}\` is \`${to}\` now`);
    for (const note of notes) report.dropped(place, note);
  }
  for (const variable of variables) report.change(place, variable);
}

const nameOf = (parents: readonly unknown[]): string => {
  const pair = topPair(parents);
  return pair === undefined ? '' : keyText(pair);
};

/** The vendor's commands in jobs that are not of this workspace, as far as a script shows where it works. */
export function tellForeign(
  text: string,
  { path, folder }: { readonly path: string; readonly folder: string },
  scope: Scope,
  report: Report,
): void {
  const root = readYaml(text)?.root;
  const told = new Set<string>();
  for (const { scalar, parents } of root ? textsOf(root) : []) {
    const name = nameOf(parents);
    if (
      scope(name) ||
      told.has(name) ||
      rewriteCommands(scalar.value, { run: '', startFlags: [] }).rewrites.length === 0
    )
      continue;
    told.add(name);
    const place = `${path}:${lineNumber(text, rangeOf(scalar).start)}`;
    report.hand(
      place,
      `${name} runs the vendor's commands, but not in ${folder} as far as its script shows: it was not changed. If it belongs to this workspace, let it begin with \`cd ${folder}\` and run this again`,
    );
  }
}

/** Rewrites the vendor's commands and variables in all scripts of a file in place. */
export function rewriteScripts(
  text: string,
  { path, scope }: { readonly path: string; readonly scope: Scope },
  launcher: Launcher,
  report: Report,
): { text: string; asked: Asked } {
  const root = readYaml(text)?.root ?? null;
  if (root === null) return { text, asked: { agents: null, forwardEnv: [], pools: [], files: [] } };
  const edits = textsOf(root)
    .filter(({ parents }) => scope(nameOf(parents)))
    .map((node) => editOf(text, path, node, launcher))
    .filter((edit) => edit !== null);
  for (const edit of edits) tell(edit, report);
  const rewrites = edits.flatMap((edit) => edit.rewrites);
  const counts = rewrites.map(({ agents }) => agents).filter((agents) => agents !== null);
  const splices = edits.flatMap(({ node, source }) =>
    source === null ? [] : [{ ...rangeOf(node.scalar), text: source }],
  );
  return {
    text: applySplices(text, [
      ...splices,
      ...removals(
        text,
        edits.filter(({ source }) => source === null),
      ),
    ]),
    asked: {
      agents: counts.length === 0 ? null : Math.max(...counts),
      forwardEnv: rewrites.flatMap(({ forwardEnv }) => forwardEnv),
      pools: mostOf(rewrites.map(({ pools }) => pools)),
      files: rewrites.flatMap(({ files }) => files),
    },
  };
}
