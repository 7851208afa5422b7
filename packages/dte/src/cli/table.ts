import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

const width = (text: string): number => stripVTControlCharacters(text).length;

/** Rows in columns as wide as their widest cell; cells may contain colours. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => width(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  return [line(head.map((title) => pc.dim(title))), ...rows.map(line)].join('\n');
}
