// What the structure of the sources is held to, and what to do about what is beyond.

export const LIMITS = {
  /** Lines of a file; tables are named in `sizes.mjs`. */
  maxLines: { most: 350, cure: 'split the file by concern' },
  /** Lines of a function, method or callback. */
  longestFunction: { most: 60, cure: 'extract functions, or make a class of it' },
  cycles: { most: 0, cure: 'move what both need into a file or folder below them' },
  unusedExports: { most: 0, cure: "take the name out of the package's index" },
  freshSpreads: { most: 0, cure: 'write the literal out where it is spread' },
  /** Lines of packages/dte, which composes and does nothing else. */
  dteLines: { most: 2_999, cure: 'move what is not composition into the package that it belongs to' },
};
