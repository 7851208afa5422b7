import type { DteError } from '@org/dte-protocol';
import type { Voice } from './say';
import { isToldEach } from './untaken';

/** Explains each kind of trouble once: a hundred tasks may have the same, and one explanation is enough. */
export class Explainer {
  private readonly explained = new Set<string>();

  constructor(private readonly voice: Voice) {}

  /** @param again said instead where the code has been explained before; omitted: nothing, or the message alone where each is of interest */
  explain(error: DteError, again?: string): void {
    if (this.explained.has(error.code)) {
      const short = again ?? (isToldEach(error.code) ? error.message : undefined);
      if (short !== undefined) this.voice.line(`dte: ${short}`);
      return;
    }
    this.explained.add(error.code);
    this.voice.explain(error);
  }
}
