/**
 * An artifact in Nx's own format, as its remote caches have it: a tar, gzipped, of the outputs by their paths in the workspace,
 * and two entries that are no outputs.
 */
export const NX_ARCHIVE = {
  /** What the task has printed, in UTF-8. */
  terminalOutputEntry: 'terminalOutput',
  /** The exit code; it comes last. */
  codeEntry: 'code',
  codeBytes: 4,
  /** @param bytes of the entry, `codeBytes` of them */
  codeOf: (bytes: Buffer): number => bytes.readInt32BE(),
} as const;
