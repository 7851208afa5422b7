import { SECRET_VARIABLES } from '@org/dte-protocol';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { addHidden, hiddenSecrets } from './hidden-env';

const HANDOVER = 'DTE_HANDOVER';
/** File descriptor. */
const STDIN = 0;

const secretsSchema = z.partialRecord(z.enum(SECRET_VARIABLES), z.string());

/** The environment of a child process that gets the secrets from `handOver`: its stdin must be a pipe. */
export const handoverEnv = (): NodeJS.ProcessEnv => ({ ...process.env, [HANDOVER]: 'stdin' });

/** Passes the secrets that this process has hidden to a child process, where no other process can read them. */
export function handOver({ stdin }: ChildProcess): void {
  // The child may have exited already; its exit code says more.
  stdin?.on('error', () => undefined);
  stdin?.end(JSON.stringify(hiddenSecrets()));
}

/** The other end: call it before anything reads the environment. Does nothing in a process that got no secrets this way. */
export function takeHandover(): void {
  if (process.env[HANDOVER] !== 'stdin') return;
  Reflect.deleteProperty(process.env, HANDOVER);
  const text = readFileSync(STDIN, 'utf8');
  // The parent has exited before it sent anything.
  if (text !== '') addHidden(secretsSchema.parse(JSON.parse(text)));
}
