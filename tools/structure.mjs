// npm run -s structure [-- --verbose]: measures the sources of all packages (specs and test support left out) with TypeScript's
// parser, and fails when a figure is beyond its limit (lib/structure/limits.mjs): it says which, where, and what to do.
// --verbose also names what is beyond a limit and still allowed (lib/structure/ceilings.mjs). The last line is `structure: {...}`:
//
//   files, medianLines, maxLines   without the tables
//   longestFunction                lines of the longest function, method or callback
//   cycles                         knots of files, and of folders of one package, that import each other, types included
//   unusedExports                  public names of a package that no other package, test or tool uses
//   freshSpreads                   spreads of an object or array literal, which switch off the excess-property check
//   bareNumbers                    named numbers without a comment that says why they are no limit to set
//   dteLines                       lines of packages/dte
import { root } from './lib/packages.mjs';
import { CEILINGS } from './lib/structure/ceilings.mjs';
import { measure } from './lib/structure/measure.mjs';
import { verdictOf } from './lib/structure/verdict.mjs';

const { figures, ...measured } = measure(root);
const { lines, passes } = verdictOf(figures, CEILINGS, process.argv.includes('--verbose'));
for (const line of lines) console.log(line);
for (const [name, { value }] of Object.entries(figures)) measured[name] = value;
console.log(`structure: ${JSON.stringify(measured)}`);
if (!passes) process.exitCode = 1;
