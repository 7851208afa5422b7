import { type DurationEntry, withDuration } from './duration-entry';
import { Estimates } from './estimates';
import { kind, took } from './test-support/durations.contract';

const MB = 1024 ** 2;

/** One task that ran this often, with these peaks of memory and shares of a core, for a second each time. */
const entry = (name: string, peaksMb: readonly (number | null)[], cpus: number | null): DurationEntry => {
  let known: DurationEntry | null = null;
  for (const peak of peaksMb)
    known = withDuration(
      known,
      took(name, 1_000, {
        peakBytes: peak === null ? null : peak * MB,
        cpuMs: cpus === null ? null : cpus * 1_000,
      }),
    );
  if (known === null) throw new Error('No results.');
  return known;
};

const needIn = (entries: readonly DurationEntry[], name: string) => {
  const { cpus, memoryBytes } = new Estimates(entries).of(kind(name), null)!.need;
  return [cpus, memoryBytes === null ? null : Math.round(memoryBytes / MB)];
};

describe('what a task takes of a machine', () => {
  it('is its share of a core, and half as much memory again after one result', () => {
    expect(needIn([entry('app:build', [1_000], 1.7)], 'app:build')).toEqual([1.7, 1_500]);
  });

  it('has a smaller margin the more results there are', () => {
    const times = (count: number) => Array.from({ length: count }, () => 1_000);
    expect(needIn([entry('app:build', times(4), 1)], 'app:build')).toEqual([1, 1_250]);
    expect(needIn([entry('app:build', times(400), 1)], 'app:build')).toEqual([1, 1_100]);
  });

  it('is unknown where the system does not tell', () => {
    expect(needIn([entry('app:build', [null], null)], 'app:build')).toEqual([null, null]);
  });

  it('is for a task that never ran what others with its target take: the usual processor time, most of the memory', () => {
    const others = Array.from({ length: 10 }, (_, index) =>
      entry(`p${index}:test`, [100 * (index + 1)], 0.1 * index),
    );
    expect(needIn(others, 'new:test')).toEqual([0.4, 1_350]);
  });
});
