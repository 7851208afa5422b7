/**
 * Whether a name matches a pattern: `*` (or `**`) matches any characters including slashes, `?` matches one, everything
 * else matches itself. Target names are not paths: `e2e-ci--src/app.cy.ts` is one word, and `e2e-ci--*` matches it.
 * Takes at most the product of both lengths, for any pattern.
 */
export function fitsPattern(name: string, pattern: string): boolean {
  let [at, inPattern] = [0, 0];
  // Position of the last star, and the end of what it matches.
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

/** As Nx parses lists of projects: in order, `!` excludes, and a list that begins with `!` starts with everything. */
export function fitsList(name: string, patterns: readonly string[]): boolean {
  let fits = patterns[0]?.startsWith('!') === true;
  for (const pattern of patterns) {
    const isExclusion = pattern.startsWith('!');
    if (fits === isExclusion && fitsPattern(name, isExclusion ? pattern.slice(1) : pattern))
      fits = !isExclusion;
  }
  return fits;
}
