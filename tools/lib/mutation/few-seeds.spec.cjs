/* global expect, it */
const { simulateSeed } = require('@org/dte-simulation');

/** They run for each mutant. SEEDS=0 leaves them out: faster, and a first look at what the specs themselves notice. */
const SEEDS = Number(process.env.SEEDS ?? 12);

for (let seed = 1; seed <= SEEDS; seed++)
  it(`session ${seed} keeps every promise`, async () => {
    expect((await simulateSeed(seed)).violation).toBeNull();
  });
