import { MAIN, type WrittenRule } from './schema';

/** A rule and its location. */
export interface Rule extends WrittenRule {
  /** Relative to the workspace. */
  readonly file: string;
  /** Starts at 1. */
  readonly line: number;
}

/** A problem with the rules. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  /** `error`: the rules cannot be used. */
  readonly level: 'error' | 'warning';
  readonly message: string;
}

/** The agents that a rule names; none if it names the main job. */
export const agentsOf = (rule: WrittenRule): Exclude<WrittenRule['run-on'], typeof MAIN> =>
  rule['run-on'] === MAIN ? [] : rule['run-on'];

const KINDS = ['configurations', 'targets', 'projects'] as const;

/** A rule in short: `targets e2e-ci*, projects tag:web`. */
export const conditionOf = (rule: WrittenRule): string =>
  KINDS.flatMap((kind) => (rule[kind] === undefined ? [] : [`${kind} ${rule[kind].join(' ')}`])).join(', ');

/** `.nx/dte.yaml:4 (targets e2e-ci*)` */
export const nameOf = (rule: Rule): string => `${rule.file}:${rule.line} (${conditionOf(rule)})`;

export const describeProblem = ({ file, line, level, message }: Problem): string =>
  `${file}:${line} ${level === 'warning' ? 'warning: ' : ''}${message}`;
