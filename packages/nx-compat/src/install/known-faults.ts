interface Fault {
  readonly versions: RegExp;
  readonly text: string;
  readonly cure: string;
}

/** Supported versions of Nx with a fault of their own that changes the result of a distributed pipeline. */
const FAULTS: readonly Fault[] = [
  {
    versions: /^20\.8\.[01]$/,
    text: 'it crashes when it restores a task that declares outputs and writes none: the pipeline fails although its tasks succeed',
    cure: 'Update nx to 20.8.2 or later: npx nx migrate nx@20.8.4',
  },
];

/** The fault of this exact version of Nx; undefined if none is known. */
export const knownFault = (version: string): { readonly text: string; readonly cure: string } | undefined =>
  FAULTS.find(({ versions }) => versions.test(version));
