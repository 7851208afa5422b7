import type { HashInput } from '@org/dte-nx-compat';

/** How to fix a difference, by the kind of input; nothing for kinds that users cannot influence. */
export const CURES: Readonly<Record<HashInput['kind'], string | null>> = {
  files:
    'Files: let every job do the same before its first nx command (code generation, formatting, git settings); what tasks write belongs in their `outputs` and in .gitignore.',
  env: 'Environment: set the variable for all jobs (`variables:` at the top of .gitlab-ci.yml), or list it in the option forwardEnv.',
  runtime: 'Runtime inputs: install the same tools in all jobs, ideally with the same image.',
  external: 'External dependencies: install from the lockfile in every job (npm ci).',
  project:
    'Project configuration: use the same files, the same plugins, and the same variables that plugins read.',
  tsconfig: 'TypeScript configuration: make sure that no job rewrites it.',
  'dependency-outputs':
    'Outputs of dependencies: the dependency is not reproducible (times, random names, absolute paths).',
  command: null,
  other: null,
};
