/*
 * The lines that an edit removed, recorded so that they can be restored even after people have edited the file. Lines
 * include their newlines, so that restoring is exact to the byte.
 */

/** `now` replaced `was`. */
export interface Hunk {
  /** Number of the first line of `now` in the edited text, from 1. */
  readonly line: number;
  /** The line before, which identifies the place later; null at the start of the file. */
  readonly before: string | null;
  readonly now: readonly string[];
  readonly was: readonly string[];
}

export const linesOf = (text: string): string[] => (text === '' ? [] : text.split(/(?<=\n)/));

/** Lengths of the longest common subsequences of all tails. */
function commonTails(a: readonly string[], b: readonly string[]): number[][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row !== undefined)
        row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  return lengths;
}

/** The differences of two texts, by lines. Quadratic in the lines between the first and the last difference. */
export function hunksOf(before: string, after: string): Hunk[] {
  const [was, now, all] = [linesOf(before), linesOf(after), linesOf(after)];
  let head = 0;
  while (head < was.length && head < now.length && was[head] === now[head]) head++;
  while (was.length > head && now.length > head && was.at(-1) === now.at(-1)) {
    was.pop();
    now.pop();
  }
  const [a, b] = [was.slice(head), now.slice(head)];
  const tails = commonTails(a, b);
  const hunks: Hunk[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const [i0, j0] = [i, j];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) break;
      const skipOld = j >= b.length || (i < a.length && (tails[i + 1]?.[j] ?? 0) >= (tails[i]?.[j + 1] ?? 0));
      if (skipOld) i++;
      else j++;
    }
    if (i > i0 || j > j0) {
      const at = head + j0;
      hunks.push({ line: at + 1, before: all[at - 1] ?? null, now: b.slice(j0, j), was: a.slice(i0, i) });
    }
    while (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    }
  }
  return hunks;
}

/** Positions of `now`: after the right line, or after any. */
function placesOf(lines: readonly string[], { before, now }: Hunk, anyBefore: boolean): number[] {
  return [...lines, null]
    .map((_, at) => at)
    .filter((at) => anyBefore || (lines[at - 1] ?? null) === before)
    .filter((at) => now.every((line, index) => lines[at + index] === line));
}

/** Where the hunk's lines are now: at their old place, or at the only other possible place. */
function locate(lines: readonly string[], hunk: Hunk): number | null {
  const exact = placesOf(lines, hunk, false);
  if (exact.includes(hunk.line - 1)) return hunk.line - 1;
  // Without the line before, lines that are only missing could belong anywhere.
  const places = exact.length > 0 || hunk.now.length === 0 ? exact : placesOf(lines, hunk, true);
  const [only] = places;
  return places.length === 1 && only !== undefined ? only : null;
}

/** Restores what can be found; `lost` are the hunks whose lines were changed since. */
export function undoHunks(text: string, hunks: readonly Hunk[]): { text: string; lost: Hunk[] } {
  const lines = linesOf(text);
  const lost: Hunk[] = [];
  // From the end, so that line numbers of earlier hunks stay valid.
  for (const hunk of [...hunks].reverse()) {
    const at = locate(lines, hunk);
    if (at === null) lost.unshift(hunk);
    else lines.splice(at, hunk.now.length, ...hunk.was);
  }
  return { text: lines.join(''), lost };
}
