import { type Pool } from '../../pipeline/options';

/** `5 linux-medium-js, 3 linux-large-js`, as the vendor writes agents; null for anything else. */
export function poolsIn(text: string): Pool[] | null {
  const counts = new Map<string, number>();
  for (const part of text.split(',')) {
    const [, count, label] = /^\s*(\d+)\s+([^\s,+]+)\s*$/.exec(part) ?? [];
    if (count === undefined || label === undefined) return null;
    counts.set(label, (counts.get(label) ?? 0) + Number(count));
  }
  const pools = [...counts].map(([label, agents]) => ({ labels: [label], agents }));
  return pools.filter(({ agents }) => agents > 0);
}

/** Is the value a path instead? */
export const isFile = (text: string): boolean => /\.(?:ya?ml|json)$/.test(text.trim());

/** For agents of several commands or changesets: the most of each kind. */
export function mostOf(all: readonly (readonly Pool[])[]): Pool[] {
  const most = new Map<string, number>();
  for (const { labels, agents } of all.flat()) {
    const label = labels.join('+');
    most.set(label, Math.max(agents, most.get(label) ?? 0));
  }
  return [...most].map(([label, agents]) => ({ labels: label.split('+'), agents }));
}
