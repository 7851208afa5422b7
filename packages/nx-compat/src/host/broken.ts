/** Why Nx returned no result. */
export interface Broken {
  /** Nx's error message, without the location in its code. */
  readonly why: string;
  /**
   * The machine was the problem (disk, memory, files, a database in use): another machine may succeed. Otherwise, Nx
   * rejects the request itself, and would do so everywhere.
   */
  readonly byMachine: boolean;
}

/** Errors of the operating system, as Node writes them and, by number, as Nx's native code does. */
const OF_MACHINE = [
  /\b(ENOSPC|EDQUOT|EIO|EROFS|ENOMEM|EMFILE|ENFILE|EAGAIN|ENOBUFS)\b/,
  // On Linux: EIO, EAGAIN, ENOMEM, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT.
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

/** The messages of an error and its causes, with their codes, which not every message contains. */
function wordsOf(thrown: unknown): string[] {
  const words: string[] = [];
  // Chains are short; this also ends a circular one.
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

/** It ended without an error and without a result: nothing was rejected. */
export const NO_RESULT: Broken = { why: 'Nx returned no result.', byMachine: true };
