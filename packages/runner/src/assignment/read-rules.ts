import type { z } from 'zod';
import { agentsOf, type Problem, type Rule } from './rule';
import { MAIN, rulesFileSchema, rulesSchema, type WrittenRule } from './schema';
import { NX_JSON, type Path, type RulesSource } from './source';

export interface ReadRules {
  /** Empty if there is an error. */
  readonly rules: readonly Rule[];
  readonly problems: readonly Problem[];
}

const KEY = 'assignment-rules';

/** `assignment-rules[0].run-on` */
const shown = (path: Path): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${part}`))
    .join('');

/** `run-on` is a word or a list: for anything else, the only error is its type; for a list, the errors inside it are reported. */
function withinUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const ofList = issue.errors.at(-1) ?? [];
  const isList = ofList.every(({ code, path }) => code !== 'invalid_type' || path.length > 0);
  if (ofList.length > 0 && isList)
    return ofList.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  return [{ ...issue, message: `expected ${MAIN}, or a list of agents (\`- agent: <label>\`)` }];
}

function problemsOf(source: RulesSource, issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const at = (line: number, message: string): Problem => ({
    file: source.file,
    line,
    level: 'error',
    message: path.length === 0 ? message : `${shown(path)}: ${message}`,
  });
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => at(source.lineOf(path, key), `unknown key ${key}`));
  return [at(source.lineOf(path), issue.message.replace(/^Invalid input: /, ''))];
}

/** Checks that types cannot express. */
function contradictions(source: RulesSource, rules: readonly WrittenRule[], base: Path): Problem[] {
  const problems: Problem[] = [];
  const note = (path: Path, message: string): void =>
    void problems.push({ file: source.file, line: source.lineOf(path), level: 'error', message });
  for (const [index, rule] of rules.entries()) {
    const labels = agentsOf(rule).map(({ agent }) => agent);
    for (const [place, label] of labels.entries()) {
      if (labels.indexOf(label) < place) note([...base, index, 'run-on', place], `${label} is listed twice`);
    }
    for (const kind of ['targets', 'configurations'] as const) {
      for (const [place, pattern] of (rule[kind] ?? []).entries()) {
        if (/\{[^}]*,[^}]*\}/.test(pattern))
          note(
            [...base, index, kind, place],
            `${pattern}: write its alternatives as separate entries of the list`,
          );
      }
    }
  }
  return problems;
}

/** Validates written rules. Empty files have none. */
export function readRules(source: RulesSource): ReadRules {
  const isOption = source.file === NX_JSON;
  if (!isOption && source.value === null) return { rules: [], problems: [] };
  const parsed = isOption ? rulesSchema.safeParse(source.value) : rulesFileSchema.safeParse(source.value);
  if (!parsed.success)
    return {
      rules: [],
      problems: parsed.error.issues.flatMap(withinUnion).flatMap((issue) => problemsOf(source, issue)),
    };
  const base = isOption ? [] : [KEY];
  const written = Array.isArray(parsed.data) ? parsed.data : parsed.data[KEY];
  const problems = contradictions(source, written, base);
  if (problems.length > 0) return { rules: [], problems };
  const { file } = source;
  return {
    rules: written.map((rule, index) => ({ ...rule, file, line: source.lineOf([...base, index]) })),
    problems,
  };
}
