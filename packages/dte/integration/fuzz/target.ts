import type { seededRandom } from '@org/dte-testing';

export type Random = ReturnType<typeof seededRandom>;

/** Keeps what a case sends, so that a report can show it. */
export type Note = (input: string | Buffer) => void;

/** A target that is ready to take cases. */
export interface Running {
  /**
   * One case. Everything in it comes from `random`, so that the seed and the number of the case repeat it.
   * @throws Error if the code under test does what it must not do: that is a crash
   */
  attempt(random: Random, note: Note): void | Promise<void>;
  /** Runs after each batch of cases: is a correct client served, is memory bounded, is nothing written elsewhere? */
  check?(): Promise<void>;
  close?(): Promise<void>;
}

/** One parser, or one way to reach several of them. */
export interface Target {
  readonly name: string;
  /** Of all cases, in thousandths. */
  readonly share: number;
  /** A case that takes longer is a hang. Far above what any case needs, because the machine may be busy. */
  readonly caseMs: number;
  /** @param folder an empty folder of its own */
  open(folder: string): Promise<Running>;
}

/** Fails with what was found: a crash of the code under test, in the words of the report. */
export function mustHold(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Error(what());
}
