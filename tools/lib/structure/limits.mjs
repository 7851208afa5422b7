// The limits for the structure of the sources, and what to do when one is exceeded.

export const LIMITS = {
  /** Lines of a file; tables are named in `sizes.mjs`. */
  maxLines: { most: 350, cure: 'split the file by concern' },
  /** Lines of a function, method or callback. */
  longestFunction: { most: 60, cure: 'extract functions, or make a class of it' },
  cycles: { most: 0, cure: 'move what both need into a file or folder below them' },
  unusedExports: { most: 0, cure: "take the name out of the package's index" },
  freshSpreads: { most: 0, cure: 'write the literal out where it is spread' },
  /** Constants like `const POLL_MS = 50;` outside packages/protocol/src/limits.ts. */
  bareNumbers: {
    most: 0,
    cure: 'move it to packages/protocol/src/limits.ts, or say in a comment directly above it what it is and why nobody has to set it',
  },
  /** Lines of packages/dte, which composes and does nothing else. */
  dteLines: { most: 2_999, cure: 'move what is not composition into the package that it belongs to' },
};
