import type { Side, Verdict } from '../compare/judge';
import type { SideRun } from './side-run';

export type RoundName = 'cold' | 'warm';

/** The command on both sides. */
export interface Round {
  readonly name: RoundName;
  readonly plain: SideRun;
  readonly distributed: SideRun;
  /** Plain runs of the tasks that differed, once more. */
  readonly again: readonly Side[];
  /** Task -> `agent-1`, `main` or `cache`. */
  readonly places: ReadonlyMap<string, string>;
  readonly verdict: Verdict;
}

/** The result of a comparison. */
export interface ParityResult {
  readonly command: readonly string[];
  readonly agents: number;
  readonly rounds: readonly Round[];
  /** Files of node_modules that tasks have changed although all copies share them. */
  readonly changedModules: readonly string[];
}

/** 0 safe, 1 differs, 2 could not be tried. */
export type ExitCode = 0 | 1 | 2;
