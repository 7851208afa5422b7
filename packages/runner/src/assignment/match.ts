/**
 * Whether a name fits a pattern: `*` (or `**`) stands for any characters, slashes included, `?` for one, everything else for
 * itself. Names of targets are no paths: `e2e-ci--src/app.cy.ts` is one word, and `e2e-ci--*` means it. Takes no more than
 * the product of both lengths, whatever the pattern.
 */
export function fitsPattern(name: string, pattern: string): boolean {
  let [at, inPattern] = [0, 0];
  // Where the last star stands, and up to where it reaches.
  let [star, reach] = [-1, 0];
  while (at < name.length) {
    const expected = pattern[inPattern];
    if (expected === '*') {
      [star, reach] = [inPattern, at];
      inPattern++;
    } else if (expected !== undefined && (expected === '?' || expected === name[at])) {
      at++;
      inPattern++;
    } else if (star >= 0) {
      reach++;
      [at, inPattern] = [reach, star + 1];
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(inPattern));
}

/** As Nx reads lists of projects: in order, `!` takes out again, and a list that begins with `!` begins with everything. */
export function fitsList(name: string, patterns: readonly string[]): boolean {
  let fits = patterns[0]?.startsWith('!') === true;
  for (const pattern of patterns) {
    const isExclusion = pattern.startsWith('!');
    if (fits === isExclusion && fitsPattern(name, isExclusion ? pattern.slice(1) : pattern))
      fits = !isExclusion;
  }
  return fits;
}
