/** Tasks at a time, if a command sets none, or `--parallel` without a number. Not configurable: the default of Nx. */
const DEFAULT_PARALLEL = 3;

/** --parallel as Nx parses it: a number, `true` or nothing for 3, `false` for 1; at least 1. */
export function parallelOf(value: unknown): number {
  if (value === false || value === 'false') return 1;
  const count =
    typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : Number.NaN;
  return Number.isFinite(count) ? Math.max(Math.floor(count), 1) : DEFAULT_PARALLEL;
}
