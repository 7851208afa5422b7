import { line, wholeNumber, words } from '@org/dte-config';
import { z } from 'zod';
import { readFlags } from './read-flags';

/** Largest value of `--agents`. Not configurable: all of them run on this machine. */
const AGENTS = 20;
/** Largest value of `--reruns`. Not configurable: more runs find nothing more. */
const RERUNS = 5;
/** Largest value of `--timeout`. Not configurable: no job runs for longer than a day. */
const DAY_MINUTES = 24 * 60;

const parityFlagsSchema = z.strictObject({
  agents: wholeNumber(1, AGENTS).default(2),
  reruns: wholeNumber(0, RERUNS).default(1),
  timeout: wholeNumber(1, DAY_MINUTES).default(60),
  warm: z.boolean().default(false),
  base: line(1024).optional(),
  mainEnv: words(1000).default([]),
  ignore: z.array(line(4096)).default([]),
  fullCopies: z.boolean().default(false),
  folder: line(4096).optional(),
  keep: z.boolean().default(false),
  json: z.boolean().default(false),
});
export type ParityFlags = z.output<typeof parityFlagsSchema>;

type Each = (value: string, previous: string[]) => string[];
const collect: Each = (value, previous) => [...previous, value];

/** Flag, help, and for flags that can be repeated, how their values are collected. */
export const PARITY_FLAGS: readonly (readonly [flag: string, help: string, each?: Each])[] = [
  ['--agents <n>', 'number of agents (default 2)'],
  [
    '--reruns <n>',
    'how often plain Nx runs tasks that differ once more, to find out what is not reproducible (default 1)',
  ],
  ['--warm', 'compare a second run as well, with the caches of the first'],
  [
    '--base <commit>',
    'NX_BASE (default: that of this shell, else the last commit, or its parent if everything is committed)',
  ],
  [
    '--main-env <names>',
    "variables of this shell that only the main job's script sets: agents run without them",
  ],
  ['--ignore <glob>', 'output files that are not compared, with * and **; can be repeated', collect],
  ['--timeout <minutes>', 'limit for each run of the command (default 60)'],
  ['--full-copies', 'give every copy its own node_modules, for tasks that change files in it'],
  ['--folder <dir>', 'create the copies there instead of in the folder for temporary files'],
  ['--keep', 'keep the copies and logs'],
  ['--json', 'print the result as JSON'],
];

/** @throws DteError DTE_BAD_CONFIG naming the flag */
export const readParityFlags = (flags: Readonly<Record<string, unknown>>): ParityFlags =>
  readFlags(parityFlagsSchema, flags);

/** `*` matches anything within a folder, `**` anything. */
export function matchesGlob(path: string, glob: string): boolean {
  const pattern = glob
    .split(/(\*\*\/?|\*)/)
    .map((part) => {
      if (part.startsWith('**')) return '.*';
      return part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join('');
  return new RegExp(`^${pattern}$`).test(path);
}
