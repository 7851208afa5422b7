import type { AgentSync } from '@org/dte-protocol';

type Letter =
  { readonly kind: 'sync'; readonly sync: AgentSync } | { readonly kind: 'last'; readonly then: () => void };

export interface MailboxOptions {
  /** False: the sync can continue immediately. */
  readonly needsCheck: (sync: AgentSync) => boolean;
  readonly check: (sync: AgentSync) => Promise<AgentSync>;
  readonly deliver: (sync: AgentSync) => void;
  readonly onError: (thrown: unknown) => void;
}

/**
 * Keeps one agent's messages in order although some must first be checked against the artifact store. A sync is
 * complete, so a waiting one is replaced by the next: at most one sync waits, and the agent's last message.
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

  /** Calls `then` after everything before it is delivered. */
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
