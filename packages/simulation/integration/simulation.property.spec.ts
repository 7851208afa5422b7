import { planOf } from '../src/plan';
import { simulateSeed } from '../src/simulate';

const SEEDS = 300;
const BLOCK = 50;

const blocks = Array.from({ length: SEEDS / BLOCK }, (_, block) => block * BLOCK + 1);

describe('coordinator, agents and main jobs in a hostile world', () => {
  it.each(blocks)('keep every promise, seeds from %i on', async (first) => {
    for (let seed = first; seed < first + BLOCK; seed++) {
      const { violation } = await simulateSeed(seed);
      // `npm run simulate -- --seed=<seed>` shows its trace.
      expect({ seed, violation }).toEqual({ seed, violation: null });
    }
  });

  it('let agents go before the end', async () => {
    let released = 0;
    for (let seed = 1; seed <= BLOCK; seed++) released += (await simulateSeed(seed)).released;
    expect(released).toBeGreaterThan(10);
  });

  it('go the same way for the same seed', async () => {
    for (const seed of [7, 8, 9]) expect(await simulateSeed(seed)).toEqual(await simulateSeed(seed));
  });

  it('are struck by faults of every kind', () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++)
      for (const { fault } of planOf(seed).faults) kinds.add(fault.kind);
    expect([...kinds].sort()).toEqual([
      'cancel',
      'clock-step',
      'crash',
      'cut',
      'disk-full',
      'drain',
      'executor-crash',
      'freeze',
      'half-open',
      'join',
      'kill-main',
      'lie',
      'reset',
      'stop-coordinator',
      'twin',
    ]);
  });
});
