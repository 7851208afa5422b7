import type { GitlabFileOptions, Pool } from './options';
import { jobIn } from './place';
import { block, comment, scalar } from './text';

/** `3 linux-medium, 2 linux-large+gpu` */
export const writePools = (pools: readonly Pool[]): string =>
  pools.map(({ labels, agents }) => `${agents} ${labels.join('+')}`).join(', ');

/** The inverse of `writePools`; null for another text. */
export function readPools(text: string): Pool[] | null {
  const pools = text.split(',').map((part): Pool | null => {
    const [, agents, labels] = /^\s*(\d{1,3})\s+([^\s,]+)\s*$/.exec(part) ?? [];
    return agents === undefined || labels === undefined
      ? null
      : { agents: Number(agents), labels: labels.split('+').filter((label) => label !== '') };
  });
  return pools.some((pool) => pool === null || pool.agents === 0 || pool.labels.length === 0)
    ? null
    : pools.filter((pool) => pool !== null);
}

export const agentsIn = (pools: readonly Pool[]): number =>
  pools.reduce((sum, { agents }) => sum + agents, 0);

const labelled = (labels: readonly string[]): string[] =>
  labels.length === 0
    ? []
    : block(
        'variables',
        ...comment('Assignment rules (.nx/dte.yaml) select agents by these labels.'),
        `DTE_LABELS: ${scalar(labels.join(','))}`,
      );

/** The first kind is job `nx-agent`. A plan changes only the number of those, so with `dynamic` they have all labels. */
export function firstPool({ agents, dynamic, pools }: GitlabFileOptions): {
  agents: number;
  variables: string[];
} {
  const [first] = pools;
  if (first === undefined) return { agents, variables: [] };
  const all = [...new Set(pools.flatMap(({ labels }) => labels))];
  return dynamic
    ? { agents, variables: labelled(all) }
    : { agents: first.agents, variables: labelled(first.labels) };
}

/** Jobs of the other kinds. */
export function otherPools(options: GitlabFileOptions): string[][] {
  if (options.dynamic) return [];
  return options.pools
    .slice(1)
    .map(({ labels, agents }) => [
      ...comment('More agents, with other labels; give them the tags of the runners that they need.'),
      ...block(
        scalar(jobIn(options, `nx-agent-${labels.join('-')}`)),
        `extends: ${scalar(jobIn(options, 'nx-agent'))}`,
        `parallel: ${agents}`,
        ...labelled(labels),
      ),
    ]);
}
