/** The servers that an attempt needs: for each server task, which variant of it. */
export type ServerClaims = ReadonlyMap<string, string>;

interface Waiting {
  readonly user: string;
  readonly claims: ServerClaims;
  readonly settle: (granted: boolean) => void;
}

/**
 * A server of a task has its variables, its arguments and usually its own port. So two concurrent commands that need
 * different variants of it take turns; those that need the same variant share it. An attempt claims all its servers at
 * once, first come, first served, so there are no deadlocks.
 */
export class ServerTurns {
  private readonly held = new Map<string, ServerClaims>();
  private waiting: Waiting[] = [];

  /** Resolves with true when no user of another variant of these tasks is left, with false if the user has left before. */
  take(user: string, claims: ServerClaims): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting.push({ user, claims, settle: resolve });
      this.serve();
    });
  }

  /** Idempotent. */
  leave(user: string): void {
    this.held.delete(user);
    for (const left of this.waiting.filter((one) => one.user === user)) left.settle(false);
    this.waiting = this.waiting.filter((one) => one.user !== user);
    this.serve();
  }

  /** No user gets a turn any more. */
  close(): void {
    for (const { settle } of this.waiting.splice(0)) settle(false);
  }

  private serve(): void {
    const before = [...this.held.values()];
    this.waiting = this.waiting.filter(({ user, claims, settle }) => {
      const free = before.every((other) => agree(other, claims));
      before.push(claims);
      if (free) {
        this.held.set(user, claims);
        settle(true);
      }
      return !free;
    });
  }
}

const agree = (a: ServerClaims, b: ServerClaims): boolean =>
  [...b].every(([taskId, which]) => !a.has(taskId) || a.get(taskId) === which);
