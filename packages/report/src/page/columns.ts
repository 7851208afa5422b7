/**
 * Rows of plain data as columns, because those compress to a third: ten thousand tasks with the same fields, sorted times, and
 * few different names. The form describes itself, so that a field that a model gains is carried without a change here.
 * - `['c', value, count]`: the same primitive in each row
 * - `['n', differences]`: integers, each as the difference to the one before
 * - `['d', values, indexes]`: strings of which many are equal
 * - `['?', where, rest]`: 1 in `where`: the row is null; `rest` has the others
 * - `['l', lengths, items]`: lists, one after the other
 * - `['o', count, fields]`: objects that have the same fields
 * - `['v', values]`: anything else, as it is
 */
type Column =
  | readonly ['c', Primitive, number]
  | readonly ['n', readonly number[]]
  | readonly ['d', readonly string[], readonly number[]]
  | readonly ['?', Column, Column]
  | readonly ['l', Column, Column]
  | readonly ['o', number, Readonly<Record<string, Column>>]
  | readonly ['v', readonly unknown[]];
type Primitive = string | number | boolean | null;
type Fields = Readonly<Record<string, unknown>>;

/** Data that JSON can hold, as columns. */
export const pack = (data: unknown): unknown => columnOf([data]);

/** The data that `pack` got. Only for what this version has packed: a page carries the code that reads it. */
export const unpack = (packed: unknown): unknown => rowsOf(packed as Column)[0];

const isPrimitive = (value: unknown): value is Primitive => value === null || typeof value !== 'object';
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function columnOf(rows: readonly unknown[]): Column {
  const [first] = rows;
  if (rows.length > 0 && isPrimitive(first) && rows.every((row) => row === first))
    return ['c', first, rows.length];
  if (rows.includes(null)) {
    const where = rows.map((row) => (row === null ? 1 : 0));
    return ['?', columnOf(where), columnOf(rows.filter((row) => row !== null))];
  }
  if (rows.every((row) => Number.isSafeInteger(row) && !Object.is(row, -0)))
    return differences(rows as readonly number[]);
  if (rows.every((row) => typeof row === 'string')) return dictionary(rows);
  if (rows.length > 0 && rows.every((row) => Array.isArray(row)))
    return ['l', columnOf(rows.map((row) => row.length)), columnOf(rows.flat(1))];
  return (rows.every(isFields) ? objects(rows) : null) ?? ['v', rows];
}

function differences(rows: readonly number[]): Column {
  const found = rows.map((row, index) => row - (rows[index - 1] ?? 0));
  return found.every(Number.isSafeInteger) ? ['n', found] : ['v', rows];
}

function dictionary(rows: readonly string[]): Column {
  const known = new Map<string, number>();
  const indexes = rows.map((row) => known.get(row) ?? known.set(row, known.size).size - 1);
  return known.size * 2 > rows.length ? ['v', rows] : ['d', [...known.keys()], indexes];
}

function objects(rows: readonly Fields[]): Column | null {
  const names = Object.keys(rows[0] ?? {});
  // An assignment to this name would set the prototype, and not a field.
  if (rows.length === 0 || names.includes('__proto__')) return null;
  const same = rows.every((row) => {
    const own = Object.keys(row);
    return own.length === names.length && own.every((name, index) => name === names[index]);
  });
  if (!same) return null;
  const fields = names.map((name) => [name, columnOf(rows.map((row) => row[name]))] as const);
  return ['o', rows.length, Object.fromEntries(fields)];
}

function rowsOf(column: Column): unknown[] {
  switch (column[0]) {
    case 'c':
      return Array.from({ length: column[2] }, () => column[1]);
    case 'n': {
      let last = 0;
      return column[1].map((difference) => (last += difference));
    }
    case 'd':
      return column[2].map((index) => column[1][index]);
    case '?': {
      const others = rowsOf(column[2]);
      let next = 0;
      return rowsOf(column[1]).map((isNull) => (isNull === 1 ? null : others[next++]));
    }
    case 'l': {
      const items = rowsOf(column[2]);
      let begin = 0;
      return rowsOf(column[1]).map((length) => items.slice(begin, (begin += length as number)));
    }
    case 'o': {
      // Field by field: all rows keep the same shape, which a browser reads and makes fastest.
      const rows = Array.from({ length: column[1] }, (): Record<string, unknown> => ({}));
      for (const [name, of] of Object.entries(column[2])) {
        const values = rowsOf(of);
        rows.forEach((row, index) => (row[name] = values[index]));
      }
      return rows;
    }
    case 'v':
      return [...column[1]];
  }
}
