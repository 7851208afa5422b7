import { readHashInput } from '@org/dte-nx-compat';
import type { Drift, OnHashMismatch } from '@org/dte-protocol';
import { CURES } from './cures';
import {
  describeInput,
  differingNames,
  type DifferingInput,
  type Inputs,
  type OwnSide,
} from './differing-inputs';
import { ownChanges } from './own-changes';

export interface DriftCase {
  readonly taskId: string;
  readonly agentName: string;
  /** Hash on the agent. */
  readonly computed: string;
  readonly drift: Drift;
  /** The details of each hash; empty or null if unknown. */
  readonly main: Inputs;
  readonly agent: Inputs | null;
  readonly own: OwnSide;
  readonly rootOf: (project: string) => string | undefined;
  /** What the run does about it. */
  readonly policy: OnHashMismatch | 'auto';
}

/** A difference as text. */
export interface DriftText {
  /** Several lines: what happened, the inputs, and the fix for each kind of input. */
  readonly message: string;
  /** One line, for further tasks with the same problem. */
  readonly short: string;
  /**
   * Files with uncommitted changes on the main job, if they are the only reason; empty if anything else differs as
   * well, or if the reason is unknown.
   */
  readonly own: readonly string[];
}

/** Lines of one report. Not configurable: it is only text of a message. */
const MOST_LINES = 8;
/** Items of one kind in a report: a dozen packages say no more than three of them. Not configurable: only text of a message. */
const MOST_OF_A_KIND = 3;
/** Inputs that the short form names. Not configurable: it is only text of a message. */
const SHORT_INPUTS = 2;

const CONSEQUENCE: Record<OnHashMismatch | 'auto', string> = {
  // Printed only if the main job does not run it.
  auto: 'It did not run.',
  fail: 'It did not run.',
  'run-on-main': 'The main job runs it itself.',
  warn: 'It ran there anyway, and its artifact is stored under the hash of the agent.',
};

/** First, the first of each kind in short: variables and tools are causes, files are often their result. */
function choose(inputs: readonly DifferingInput[]): { lines: DifferingInput[]; more: number } {
  const ofKind = new Map<string, number>();
  const lines = inputs
    .filter(({ kind }) => {
      const count = (ofKind.get(kind) ?? 0) + 1;
      ofKind.set(kind, count);
      return count <= MOST_OF_A_KIND;
    })
    .slice(0, MOST_LINES);
  return { lines, more: inputs.length - lines.length };
}

const ORDER = [
  'env',
  'runtime',
  'files',
  'external',
  'project',
  'tsconfig',
  'dependency-outputs',
  'command',
  'other',
];

function inputsOf({ main, agent, drift, own, rootOf }: DriftCase): DifferingInput[] {
  const names = differingNames(main, agent ?? {});
  const described = names.flatMap((name) => describeInput(readHashInput(name, rootOf), drift, own));
  // Two filesets may include the same file.
  const unique = new Map(described.map((input) => [input.text, input]));
  return [...unique.values()].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function unnamed({ main, agent }: DriftCase): string {
  if (agent === null)
    return 'The inputs of this task were not sent: see those of earlier tasks for the cause.';
  if (Object.keys(main).length === 0) return 'Nx does not report the inputs of the hash on the main job.';
  return 'Nx reports no input that differs (a custom hasher returns only its result).';
}

export function describeDrift(given: DriftCase): DriftText {
  const { taskId, agentName, computed, drift, policy } = given;
  const head = `${taskId} has another hash on ${agentName} (${computed}) than on the main job (${drift.agreed}).`;
  const known = given.agent !== null && Object.keys(given.main).length > 0;
  const inputs = known ? inputsOf(given) : [];
  if (inputs.length === 0) {
    return {
      message: `${head} ${CONSEQUENCE[policy]}\n  ${unnamed(given)}`,
      short: head,
      own: ownChanges(given),
    };
  }
  const { lines, more } = choose(inputs);
  const cures = [...new Set(lines.map(({ kind }) => CURES[kind]))].filter((cure) => cure !== null);
  const message = [
    `${head} ${CONSEQUENCE[policy]}`,
    '  Different inputs:',
    ...lines.map(({ text }) => `    - ${text}`),
    ...(more > 0 ? [`    - and ${more} more`] : []),
    ...cures.map((cure) => `  ${cure}`),
  ].join('\n');
  const first = inputs.slice(0, SHORT_INPUTS).map(({ text }) => text);
  return { message, short: `${head} ${first.join('; ')}`, own: ownChanges(given) };
}
