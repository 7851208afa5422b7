import { DteError } from '@org/dte-protocol';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRules, type ReadRules } from './read-rules';
import { describeProblem, type Problem, type Rule } from './rule';
import { NX_JSON, nxJsonSource, RULES_FILE, yamlSource } from './source';

const LOOKALIKES = ['.nx/dte.yml', '.nx/dte.json', 'dte.yaml'];

const textOf = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

const error = (file: string, message: string): Problem => ({ file, line: 1, level: 'error', message });

/**
 * The assignment rules of a workspace, from `.nx/dte.yaml` or from nx.json.
 * @param option `assignmentRules` of nx.json; undefined if not set
 */
export function inspectRules(workspaceRoot: string, option: unknown): ReadRules {
  const text = textOf(join(workspaceRoot, RULES_FILE));
  if (text === null) {
    const lookalike = LOOKALIKES.find((file) => existsSync(join(workspaceRoot, file)));
    if (lookalike !== undefined)
      return { rules: [], problems: [error(lookalike, `is not read: rules belong in ${RULES_FILE}`)] };
    if (option === undefined) return { rules: [], problems: [] };
    return readRules(nxJsonSource(textOf(join(workspaceRoot, NX_JSON)) ?? '', option));
  }
  const { source, problems } = yamlSource(text);
  if (source === null) return { rules: [], problems };
  if (option !== undefined) {
    const message = `${NX_JSON} (assignmentRules) contains rules as well: keep only one of them`;
    return { rules: [], problems: [error(RULES_FILE, message)] };
  }
  return readRules(source);
}

/** @throws DteError DTE_BAD_RULES naming the first problems with their lines */
export function loadRules(workspaceRoot: string, option: unknown): readonly Rule[] {
  const { rules, problems } = inspectRules(workspaceRoot, option);
  if (problems.length === 0) return rules;
  const more = problems.length > 3 ? `\n  and ${problems.length - 3} more` : '';
  const lines = problems.slice(0, 3).map((problem) => `\n  ${describeProblem(problem)}`);
  throw new DteError('DTE_BAD_RULES', `The assignment rules are invalid:${lines.join('')}${more}`);
}
