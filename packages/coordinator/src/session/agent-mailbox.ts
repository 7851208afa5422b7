import type { AgentSync } from '@org/dte-protocol';

type Letter =
  { readonly kind: 'sync'; readonly sync: AgentSync } | { readonly kind: 'last'; readonly then: () => void };

export interface MailboxOptions {
  /** False: the sync can go on at once. */
  readonly needsCheck: (sync: AgentSync) => boolean;
  readonly check: (sync: AgentSync) => Promise<AgentSync>;
  readonly deliver: (sync: AgentSync) => void;
  readonly onError: (thrown: unknown) => void;
}

/**
 * Keeps what one agent says in order although some of it has to be checked against the artifact store first. A sync
 * says everything, so one that waits is replaced by the next: at most one waits, and the last word.
 */
export class AgentMailbox {
  private waiting: Letter[] = [];
  private busy = false;

  constructor(private readonly options: MailboxOptions) {}

  sync(sync: AgentSync): void {
    if (!this.busy && !this.options.needsCheck(sync)) {
      this.options.deliver(sync);
      return;
    }
    if (this.waiting.at(-1)?.kind === 'sync') this.waiting.pop();
    this.take({ kind: 'sync', sync });
  }

  /** Calls `then` once everything before it is delivered. */
  last(then: () => void): void {
    if (this.busy) this.take({ kind: 'last', then });
    else then();
  }

  private take(letter: Letter): void {
    this.waiting.push(letter);
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    for (let letter = this.waiting.shift(); letter !== undefined; letter = this.waiting.shift()) {
      try {
        if (letter.kind === 'last') letter.then();
        else this.options.deliver(await this.options.check(letter.sync));
      } catch (thrown) {
        this.options.onError(thrown);
      }
    }
    this.busy = false;
  }
}
