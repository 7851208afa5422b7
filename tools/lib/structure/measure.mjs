import { dirname } from 'node:path';
import { bareNumbers } from './bare-numbers.mjs';
import { importCycles } from './cycles.mjs';
import { freshSpreads } from './fresh-spreads.mjs';
import { LIMITS } from './limits.mjs';
import { readSources } from './modules.mjs';
import { unusedExports } from './public-names.mjs';
import { fileSizes, functionSizes, linesOf } from './sizes.mjs';

const shown = ({ size, what }) => `${String(size).padStart(5)} ${what}`;

const beyond = (sizes, { most }) => sizes.filter(({ size }) => size > most).map(shown);

/** Lines of each folder of a package, the longest first. */
function folderSizes(sources) {
  const sizes = new Map();
  for (const one of sources) {
    const folder = dirname(one.name);
    sizes.set(folder, (sizes.get(folder) ?? 0) + linesOf(one));
  }
  return [...sizes].map(([what, size]) => ({ size, what })).sort((a, b) => b.size - a.size);
}

/**
 * Measures the sources below `root`, without specs and test support.
 * @returns {{ files: number, medianLines: number, figures: Record<string, { value: number, found: string[] }> }} a
 * figure for each of `LIMITS`; `found`: what exceeds the limit, and where
 */
export function measure(root) {
  const sources = readSources(root);
  const files = fileSizes(sources);
  const functions = functionSizes(sources);
  const counted = (found) => ({ value: found.length, found });
  const dte = sources.filter((one) => one.package === 'dte');
  const dteLines = dte.reduce((sum, one) => sum + linesOf(one), 0);
  return {
    files: sources.length,
    medianLines: files[Math.floor(files.length / 2)]?.size ?? 0,
    figures: {
      maxLines: { value: files[0]?.size ?? 0, found: beyond(files, LIMITS.maxLines) },
      longestFunction: { value: functions[0]?.size ?? 0, found: beyond(functions, LIMITS.longestFunction) },
      cycles: counted(importCycles(sources)),
      unusedExports: counted(unusedExports(root, sources)),
      freshSpreads: counted(freshSpreads(sources)),
      bareNumbers: counted(bareNumbers(sources)),
      dteLines: {
        value: dteLines,
        found: dteLines > LIMITS.dteLines.most ? folderSizes(dte).map(shown) : [],
      },
    },
  };
}
