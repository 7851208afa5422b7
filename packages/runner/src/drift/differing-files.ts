import type { Checkout } from '@org/dte-agent';

/** A file that differs between the main job and an agent. */
export interface DifferingFile {
  readonly path: string;
  /** For display: `changed on the agent, as committed on the main job`. */
  readonly how: string;
  /** The side whose file differs from the commit. */
  readonly side: 'main' | 'agent' | 'both';
}

type Changes = NonNullable<Checkout>;

/** A truncated list is complete up to this name. */
const lastTold = ({ changes, complete }: Changes): string | null =>
  complete ? null : (Object.keys(changes).sort().at(-1) ?? '');

function state(digest: string | undefined, where: string): string {
  if (digest === undefined) return `as committed ${where}`;
  if (digest === 'deleted') return `deleted ${where}`;
  return `${digest.startsWith('+') ? 'new' : 'changed'} ${where}`;
}

function how(main: string | undefined, agent: string | undefined): string {
  const both = main !== undefined && agent !== undefined && main !== 'deleted' && agent !== 'deleted';
  if (both) return 'changed differently on the agent and on the main job';
  // A file that is not in the commit is not "as committed" on the other side.
  const isNew = [main, agent].some((digest) => digest?.startsWith('+') === true);
  if (isNew) return agent === undefined ? 'only on the main job' : 'only on the agent';
  return `${state(agent, 'on the agent')}, ${state(main, 'on the main job')}`;
}

function sideOf(main: string | undefined, agent: string | undefined): DifferingFile['side'] {
  if (main !== undefined && agent !== undefined) return 'both';
  return agent === undefined ? 'main' : 'agent';
}

/**
 * Files that differ between two checkouts of one commit, by name; empty if one of them is unknown. Of truncated lists,
 * only the part that both have is compared.
 */
export function differingFiles(main: Checkout, agent: Checkout): DifferingFile[] {
  if (main === null || agent === null) return [];
  const ends = [lastTold(main), lastTold(agent)].filter((end) => end !== null).sort();
  const end = ends[0];
  return [...new Set([...Object.keys(main.changes), ...Object.keys(agent.changes)])]
    .sort()
    .filter((path) => main.changes[path] !== agent.changes[path] && (end === undefined || path <= end))
    .map((path) => ({
      path,
      how: how(main.changes[path], agent.changes[path]),
      side: sideOf(main.changes[path], agent.changes[path]),
    }));
}
