import { SECRET_VARIABLES } from '@org/dte-protocol';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { addHidden, hiddenSecrets } from './hidden-env';

const HANDOVER = 'DTE_HANDOVER';
/** File descriptor. */
const STDIN = 0;

const secretsSchema = z.partialRecord(z.enum(SECRET_VARIABLES), z.string());

/** The environment of a process of ours that is told the secrets by `handOver`: its stdin must be a pipe. */
export const handoverEnv = (): NodeJS.ProcessEnv => ({ ...process.env, [HANDOVER]: 'stdin' });

/** Tells a process of ours the secrets that this one has hidden, where nobody else reads them. */
export function handOver({ stdin }: ChildProcess): void {
  // It may be gone already; its exit says more.
  stdin?.on('error', () => undefined);
  stdin?.end(JSON.stringify(hiddenSecrets()));
}

/** The other end: to be called before anything is read from the environment. Does nothing in a process of somebody else. */
export function takeHandover(): void {
  if (process.env[HANDOVER] !== 'stdin') return;
  Reflect.deleteProperty(process.env, HANDOVER);
  const text = readFileSync(STDIN, 'utf8');
  // Whoever started it has ended before he said anything.
  if (text !== '') addHidden(secretsSchema.parse(JSON.parse(text)));
}
