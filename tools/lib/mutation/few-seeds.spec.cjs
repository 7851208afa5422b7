/* global expect, it */
const { simulateSeed } = require('@org/dte-simulation');

/** They run for each mutant. */
const SEEDS = 12;

it('a few sessions keep every promise', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) expect((await simulateSeed(seed)).violation).toBeNull();
});
