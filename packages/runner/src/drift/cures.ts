import type { HashInput } from '@org/dte-nx-compat';

/** What helps against a difference, by the kind of input; nothing for what no user can have caused. */
export const CURES: Readonly<Record<HashInput['kind'], string | null>> = {
  files:
    'Files: let every job do the same before its first nx command (code generation, formatting, git settings); what tasks write belongs into their `outputs` and into .gitignore.',
  env: 'Environment: set the variable for all jobs (`variables:` at the top of .gitlab-ci.yml), or name it in the option forwardEnv.',
  runtime: 'Runtime inputs: install the same tools in all jobs, best by the same image.',
  external: 'External dependencies: install from the lockfile in every job (npm ci).',
  project:
    'Project configuration: the same files, the same plugins, and the same variables where a plugin reads some.',
  tsconfig: 'TypeScript configuration: see to it that no job rewrites it.',
  'dependency-outputs':
    'Outputs of dependencies: the dependency does not make the same files twice (times, random names, absolute paths).',
  command: null,
  other: null,
};
