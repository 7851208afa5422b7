import { type AttemptResult, type FinishedAttempt, type Reason } from '@org/dte-protocol';

/** Shorter values are no secrets, and would occur everywhere. No limit to set: GitLab masks values from the same length on. */
const SHORTEST = 8;
/** As GitLab's runner writes it. */
const MASK = '[MASKED]';

/**
 * Values that the main job forwards. GitLab masks a variable in the log of a job that has it; an agent job may not have these,
 * and what goes to the coordinator about an attempt is journalled.
 */
export class HiddenValues {
  private readonly values = new Set<string>();

  add(values: Iterable<string>): void {
    for (const value of values) {
      // Logs are written by the line, and so is a key of several lines found.
      for (const line of value.split(/\r?\n/))
        if (line.trim().length >= SHORTEST) this.values.add(line.trim());
    }
  }

  in(text: string): string {
    let shown = text;
    for (const value of this.values) shown = shown.replaceAll(value, MASK);
    return shown;
  }

  /** What is said of an attempt in words. What the task printed is in its artifact, as it was printed. */
  inResult(result: AttemptResult): AttemptResult {
    if (this.values.size === 0) return result;
    switch (result.kind) {
      case 'returned':
        return { ...result, reason: this.inReason(result.reason) };
      case 'finished':
        return this.inFinished(result);
      case 'batch':
        return {
          ...result,
          log: this.in(result.log),
          members: result.members.map((member) => ({
            ...member,
            result: member.result && this.inFinished(member.result),
          })),
        };
    }
  }

  private inFinished(result: FinishedAttempt): FinishedAttempt {
    const { drift, servers } = result;
    return {
      ...result,
      reason: result.reason && this.inReason(result.reason),
      ...(drift === undefined ? {} : { drift: { ...drift, runtime: this.inAll(drift.runtime) } }),
      ...(servers === undefined
        ? {}
        : {
            servers: servers.map((server) => ({
              ...server,
              output: this.in(server.output),
              ended: server.ended === null ? null : this.in(server.ended),
            })),
          }),
    };
  }

  private inReason(reason: Reason): Reason {
    return { ...reason, message: this.in(reason.message) };
  }

  private inAll(texts: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, this.in(text)]));
  }
}
