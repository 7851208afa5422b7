import { DteError } from '@org/dte-protocol';
import { z } from 'zod';
import { CACHE_STORES, type Pool } from '../../pipeline/options';
import { agentsIn, readPools } from '../../pipeline/pools';
import { httpAddress, wholeNumber, words, yesOrNo } from '@org/dte-config';

/** Pressing return at a prompt means no value. */
const answer = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional());

const name = () => z.coerce.string().trim().min(1).max(255);

/** GitLab's own limit for `parallel`. */
const MOST_AGENTS = 200;

/** `3 linux-medium, 2 linux-large`: agents of different kinds. */
const pools = () =>
  z.string().transform((text, context): readonly Pool[] => {
    const read = readPools(text);
    if (read !== null && agentsIn(read) <= MOST_AGENTS) return read;
    context.addIssue({ code: 'custom', message: 'not agents' });
    return z.NEVER;
  });

/** The flags; all are optional. */
const flagsSchema = z.object({
  agents: answer(
    z.union(
      [wholeNumber(1, MOST_AGENTS), pools()],
      `expected a number from 1 to ${MOST_AGENTS}, or numbers with labels such as "3 linux-medium, 2 linux-large"`,
    ),
  ),
  parallel: answer(wholeNumber(1, 256)),
  slots: answer(z.enum(['parallel', 'auto'], 'expected parallel or auto')),
  targets: answer(words(100).pipe(z.array(z.string()).min(1))),
  coordinator: answer(z.union([z.literal('embedded'), httpAddress()], 'expected "embedded" or an address')),
  mainBranch: answer(name()),
  /** `none`: the including file or the runner decides. */
  image: answer(name()),
  stage: answer(name()),
  /** `none`: nothing is kept. */
  artifacts: answer(words(100)),
  tags: answer(words(50)),
  dynamic: answer(yesOrNo()),
  formatCheck: answer(yesOrNo()),
  cache: answer(z.enum(CACHE_STORES, `expected ${CACHE_STORES.join(', ')}`)),
  skipFormat: answer(yesOrNo()),
});

export type Flags = z.output<typeof flagsSchema>;

const kebab = (text: string): string => text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @throws DteError DTE_BAD_CONFIG naming the flag */
export function parseFlags(raw: unknown): Flags {
  const parsed = flagsSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const flag = kebab(String(issue?.path[0] ?? ''));
  throw new DteError('DTE_BAD_CONFIG', `--${flag}: ${issue?.message ?? 'not a valid value'}.`);
}

/** The options of the generated file; stored in its first line, so that a run without flags changes nothing. */
export type Remembered = Omit<Flags, 'skipFormat'>;

const PREFIX = '# Options: ';

/** As in the header: agents of different kinds are one text; a file of an earlier version says nothing of the slots, the format or a cache. */
type Written = Omit<Required<Remembered>, 'agents' | 'slots' | 'formatCheck' | 'cache'> &
  Pick<Remembered, 'slots' | 'formatCheck' | 'cache'> & { readonly agents: number | string };

export const headerOf = (options: Written): string => `${PREFIX}${JSON.stringify(options)}\n`;

/** The options of an earlier run; none if the line was removed or edited. */
export function readHeader(text: string | null): Remembered {
  const line = text?.split(/\r?\n/).find((candidate) => candidate.startsWith(PREFIX));
  if (line === undefined) return {};
  try {
    return flagsSchema.omit({ skipFormat: true }).parse(JSON.parse(line.slice(PREFIX.length)));
  } catch {
    return {};
  }
}

export const DEFAULTS = {
  agents: 3,
  parallel: 2,
  targets: ['lint', 'test', 'build', 'e2e-ci'],
  coordinator: 'embedded',
  artifacts: ['dist'],
  mainBranch: 'main',
} as const;
