import type { SeededRandom } from '../simulation/seeded-random';

export interface SampleTask {
  readonly id: string;
  readonly project: string;
  readonly target: string;
  readonly dependencies: string[];
  readonly hash: string;
  readonly cacheable: boolean;
  readonly expectedMs: number | null;
  /** How long it takes. */
  readonly ms: number;
}

/** How long a target takes, in ms, on average. */
const TARGETS = { lint: 2_600, test: 8_000, build: 5_500, 'e2e-ci': 24_000 } as const;
const AREAS = ['shop', 'checkout', 'catalog', 'account', 'search', 'shipping', 'billing', 'admin', 'shared'];
const PARTS = ['ui', 'data-access', 'util', 'feature-list', 'feature-detail', 'api', 'model', 'testing'];

const nameOf = (index: number): string => {
  const area = AREAS[index % AREAS.length] ?? '';
  const part = PARTS[Math.floor(index / AREAS.length) % PARTS.length] ?? '';
  const round = Math.floor(index / (AREAS.length * PARTS.length));
  return `${area}-${part}${round === 0 ? '' : `-${round + 1}`}`;
};

/** Tasks of a workspace, each after those it depends on: libraries in layers, and some with end-to-end tests. */
export function samplePlan(count: number, random: SeededRandom): SampleTask[] {
  const tasks: SampleTask[] = [];
  const add = (project: string, target: string, dependencies: string[], averageMs: number): void => {
    const ms = Math.round(averageMs * (0.3 + random.next() ** 3 * 4));
    const known = random.next() < 0.8;
    tasks.push({
      id: `${project}:${target}`,
      project,
      target,
      dependencies,
      hash: Array.from({ length: 20 }, () => Math.floor(random.next() * 10)).join(''),
      cacheable: true,
      expectedMs: known ? Math.round(ms * (0.7 + random.next() * 0.5)) : null,
      ms,
    });
  };
  for (let index = 0; tasks.length < count; index++) {
    const project = nameOf(index);
    // Every project builds on one or two before it, the early ones more often: few layers, as in most workspaces.
    const earlier = (): number => Math.floor(random.next() ** 2 * index);
    const below = index === 0 ? [] : [...new Set([earlier(), earlier()])];
    const builds = below.map((other) => `${nameOf(other)}:build`);
    add(project, 'build', builds, TARGETS.build);
    add(project, 'lint', [], TARGETS.lint);
    add(project, 'test', [`${project}:build`], TARGETS.test);
    if (index % 7 === 6)
      for (const spec of ['pays', 'returns', 'signs-in'])
        add(project, `e2e-ci--src/${spec}.spec.ts`, [`${project}:build`], TARGETS['e2e-ci']);
  }
  return tasks.slice(0, count);
}
