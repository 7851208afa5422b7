import type { RendezvousReport } from '@org/dte-protocol';
import { createHash } from 'node:crypto';

const digest = (...parts: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

/** A generation as part of a file name: names of generations and agents may contain any character. */
export const generationKey = (generation: string): string => digest(generation);

/** The same for every report of one agent. */
export const reporterKey = ({ name, jobUrl }: RendezvousReport): string => digest(name, jobUrl);
