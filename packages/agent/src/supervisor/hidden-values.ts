import { type AttemptResult, type FinishedAttempt, type Reason } from '@org/dte-protocol';

/** Shorter values are no secrets, and would occur everywhere. Not configurable: GitLab masks values from the same length on. */
const SHORTEST = 8;
/** As in GitLab's runner. */
const MASK = '[MASKED]';

/**
 * Masks values that the main job forwards. GitLab masks a variable only in the log of a job that has it, and an agent
 * job may not have these; and the coordinator stores what it gets about an attempt in its journal.
 */
export class HiddenValues {
  private readonly values = new Set<string>();

  add(values: Iterable<string>): void {
    for (const value of values) {
      // Logs are written line by line, so each line of a multi-line key is masked too.
      for (const line of value.split(/\r?\n/))
        if (line.trim().length >= SHORTEST) this.values.add(line.trim());
    }
  }

  in(text: string): string {
    let shown = text;
    for (const value of this.values) shown = shown.replaceAll(value, MASK);
    return shown;
  }

  /** Masks the text of a report about an attempt. The terminal output of the task is in its artifact, unchanged. */
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
