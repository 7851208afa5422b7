export const normalise = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .trim();

export const words = (text: string): string[] => normalise(text).match(/[\p{Letter}\p{Number}]+/gu) ?? [];

export const slug = (text: string): string => words(text).join('-');

/** How many single-letter changes lead from one word to the other. */
export function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1;
      const [above, before, diagonal] = [
        previous[column] ?? 0,
        current[column - 1] ?? 0,
        previous[column - 1] ?? 0,
      ];
      current.push(Math.min(above + 1, before + 1, diagonal + change));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
