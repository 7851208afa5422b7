/**
 * An artifact in Nx's own format, as in its remote caches: a gzipped tar of the outputs by their paths in the
 * workspace, plus two entries that are not outputs.
 */
export const NX_ARCHIVE = {
  /** The terminal output of the task, in UTF-8. */
  terminalOutputEntry: 'terminalOutput',
  /** The exit code; it is the last entry. */
  codeEntry: 'code',
  codeBytes: 4,
  /** @param bytes of the entry, `codeBytes` of them */
  codeOf: (bytes: Buffer): number => bytes.readInt32BE(),
} as const;
