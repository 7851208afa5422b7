import type { DteError } from '@org/dte-protocol';
import type { Voice } from './say';

/** Explains each kind of trouble once: a hundred tasks may have the same, and one explanation is enough. */
export class Explainer {
  private readonly explained = new Set<string>();

  constructor(private readonly voice: Voice) {}

  /** @param again said instead where the code has been explained before; left out: nothing */
  explain(error: DteError, again?: string): void {
    if (this.explained.has(error.code)) {
      if (again !== undefined) this.voice.line(`dte: ${again}`);
      return;
    }
    this.explained.add(error.code);
    this.voice.explain(error);
  }
}
