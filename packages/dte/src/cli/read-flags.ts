import { DteError } from '@org/dte-protocol';
import type { z } from 'zod';

/** `minutesPerAgent` -> `--minutes-per-agent` */
const flagOf = (name: string): string =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws DteError DTE_BAD_CONFIG naming the flag */
export function readFlags<S extends z.ZodType>(
  schema: S,
  flags: Readonly<Record<string, unknown>>,
): z.output<S> {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? '');
  throw new DteError(
    'DTE_BAD_CONFIG',
    `${flagOf(name)} has ${JSON.stringify(flags[name])}: ${issue?.message ?? 'not a valid value'}.`,
  );
}
