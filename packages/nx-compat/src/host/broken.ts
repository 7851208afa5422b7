/** Why Nx gave no result. */
export interface Broken {
  /** What Nx said, without where in its code it said it. */
  readonly why: string;
  /**
   * The machine was in the way (disk, memory, files, a database in use): another one may do it. Otherwise Nx refuses what it was
   * asked for, and refuses it everywhere.
   */
  readonly byMachine: boolean;
}

/** Errors of the operating system, as Node writes them and, by number, as Nx's native code does. */
const OF_MACHINE = [
  /\b(ENOSPC|EDQUOT|EIO|EROFS|ENOMEM|EMFILE|ENFILE|EAGAIN|ENOBUFS)\b/,
  // Of Linux: EIO, EAGAIN, ENOMEM, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT.
  /\bos error (5|11|12|23|24|28|30|122)\b/,
  /no space left on device|disk quota exceeded|read-only file system|cannot allocate memory|too many open files/i,
  // SQLite's.
  /database (table )?is locked|database or disk is full|disk I\/O error|readonly database|disk image is malformed|unable to open database/i,
];

interface Thrown {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
}

const sentenceOf = (thrown: unknown): string =>
  thrown instanceof Error && thrown.message !== '' ? thrown.message : String(thrown);

/** What an error and its causes say; codes too, which not every message has. */
function wordsOf(thrown: unknown): string[] {
  const words: string[] = [];
  // A chain is short; one that bites its tail ends here as well.
  for (let at = thrown, depth = 0; at instanceof Error && depth < 5; depth++) {
    const { code, cause }: Thrown = at;
    words.push(sentenceOf(at), ...(typeof code === 'string' ? [code] : []));
    at = cause;
  }
  return words.length > 0 ? words : [sentenceOf(thrown)];
}

export const brokenBy = (thrown: unknown): Broken => ({
  why: sentenceOf(thrown),
  byMachine: wordsOf(thrown).some((text) => OF_MACHINE.some((pattern) => pattern.test(text))),
});

/** It ended without an error and without a result: nobody has refused anything. */
export const NO_RESULT: Broken = { why: 'Nx returned no result.', byMachine: true };
