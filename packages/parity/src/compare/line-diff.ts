/** Lines that are compared pairwise. Not configurable: more makes the table below too large, and nobody reads such a diff. */
const MOST_LINES = 1_500;

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** Length of the longest common subsequence of lefts[i..] and rights[j..]. */
type CommonLength = (i: number, j: number) => number;

function commonLengths(lefts: readonly string[], rights: readonly string[]): CommonLength {
  const width = rights.length + 1;
  const table = new Uint16Array((lefts.length + 1) * width);
  const at: CommonLength = (i, j) => table[i * width + j] ?? 0;
  for (let i = lefts.length - 1; i >= 0; i--) {
    for (let j = rights.length - 1; j >= 0; j--)
      table[i * width + j] =
        lefts[i] === rights[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  return at;
}

/** `-` lines are only on the left, `+` lines only on the right; the common ones are left out. */
function changes(lefts: readonly string[], rights: readonly string[]): string[] {
  if (lefts.length > MOST_LINES || rights.length > MOST_LINES)
    return [...lefts.map((line) => `- ${line}`), ...rights.map((line) => `+ ${line}`)];
  const common = commonLengths(lefts, rights);
  const found: string[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [left, right] = [lefts[i], rights[j]];
    if (left === undefined && right === undefined) return found;
    if (left === right) [i, j] = [i + 1, j + 1];
    else if (right === undefined || (left !== undefined && common(i + 1, j) >= common(i, j + 1))) {
      found.push(`- ${left ?? ''}`);
      i++;
    } else {
      found.push(`+ ${right}`);
      j++;
    }
  }
}

/**
 * The lines that only one of two texts has: `- ` the left one, `+ ` the right one.
 * @param most lines shown; a last line says how many more there are
 */
export function lineDiff(left: string, right: string, most: number): string[] {
  const [lefts, rights] = [linesOf(left), linesOf(right)];
  let start = 0;
  while (start < lefts.length && start < rights.length && lefts[start] === rights[start]) start++;
  let end = 0;
  const shorter = Math.min(lefts.length, rights.length) - start;
  while (end < shorter && lefts.at(-1 - end) === rights.at(-1 - end)) end++;
  const found = changes(lefts.slice(start, lefts.length - end), rights.slice(start, rights.length - end));
  return found.length <= most ? found : [...found.slice(0, most), `… ${found.length - most} more lines`];
}
