import type { CacheTrouble } from '@org/dte-cache';
import type { ReadGrant } from '../auth/cache-grant';

/** Not limits of the product: beyond them, somebody does not hear of a trouble, which the log of the coordinator has. */
const MAX_SESSIONS = 10_000;
/** As above: one for each kind and project. */
const MAX_TROUBLES = 1_000;

interface Noted {
  readonly trouble: CacheTrouble;
  /** Counts troubles, in their order. */
  readonly at: number;
}

/** What a session was told. */
interface Listener {
  /** The troubles before it began to listen are none of its. */
  readonly since: number;
  readonly told: Set<string>;
}

/**
 * Trouble of the shared cache, for the people who read the logs of the jobs that it concerns. A session hears of a kind of trouble
 * once, with the next answer to its main job.
 */
export class Notices {
  private count = 0;
  private readonly troubles = new Map<string, Noted>();
  private readonly listeners = new Map<string, Listener>();

  readonly tell = (trouble: CacheTrouble): void => {
    const { kind, project, line } = trouble;
    const key = [kind, project?.issuer, project?.projectId, kind === 'note' ? line : ''].join('\n');
    this.count += 1;
    // The last comes last: the first ones are left out if there are too many.
    this.troubles.delete(key);
    this.troubles.set(key, { trouble, at: this.count });
    dropFirst(this.troubles, MAX_TROUBLES);
  };

  readonly over = (kind: CacheTrouble['kind']): void => {
    for (const [key, { trouble }] of this.troubles)
      if (trouble.kind === kind && trouble.lasts)
        this.troubles.set(key, { trouble: { ...trouble, lasts: false }, at: this.count });
  };

  /** A main job asks for something: what happens from now on concerns it. */
  listen(sessionId: string): void {
    if (this.listeners.has(sessionId)) return;
    this.listeners.set(sessionId, { since: this.count, told: new Set() });
    dropFirst(this.listeners, MAX_SESSIONS);
  }

  /** What is new for a session, one line of a kind; none if it does not listen. */
  newsFor(sessionId: string, { access }: ReadGrant): string[] {
    const listener = this.listeners.get(sessionId);
    if (listener === undefined) return [];
    const lines: string[] = [];
    for (const { trouble, at } of this.troubles.values()) {
      const { kind, line, lasts, project } = trouble;
      const isTheirs =
        project === null || (project.issuer === access.issuer && project.projectId === access.projectId);
      const subject = kind === 'note' ? line : kind;
      if (!isTheirs || !(lasts || at > listener.since) || listener.told.has(subject)) continue;
      listener.told.add(subject);
      lines.push(line);
    }
    return lines;
  }
}

function dropFirst(map: Map<string, unknown>, max: number): void {
  const [first] = map.keys();
  if (map.size > max && first !== undefined) map.delete(first);
}
