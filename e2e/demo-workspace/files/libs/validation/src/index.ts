import { normalise } from '#text';

export type Check<T> = (value: T) => string | null;

export const required: Check<string> = (value) => (value.trim() === '' ? 'must not be empty' : null);

export const maxLength =
  (limit: number): Check<string> =>
  (value) =>
    value.length > limit ? `must not be longer than ${limit} characters` : null;

export const email: Check<string> = (value) =>
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(normalise(value)) ? null : 'must be an address like name@example.com';

export function validate<T extends object>(
  value: T,
  checks: { [K in keyof T]?: Check<T[K]>[] },
): Partial<Record<keyof T, string[]>> {
  const problems: Partial<Record<keyof T, string[]>> = {};
  for (const key of Object.keys(checks) as (keyof T)[]) {
    const found = (checks[key] ?? []).flatMap((check) => check(value[key]) ?? []);
    if (found.length > 0) problems[key] = found;
  }
  return problems;
}
