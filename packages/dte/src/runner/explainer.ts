import type { DteError } from '@org/dte-protocol';
import type { Voice } from './say';

/** Explains each kind of trouble once: a hundred tasks may have the same, and one explanation is enough. */
export class Explainer {
  private readonly explained = new Set<string>();

  constructor(private readonly voice: Voice) {}

  explain(error: DteError): void {
    if (this.explained.has(error.code)) return;
    this.explained.add(error.code);
    this.voice.explain(error);
  }
}
