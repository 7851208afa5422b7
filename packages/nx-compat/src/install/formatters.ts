import { resolveNx } from './nx-install';

/** What `nx format:check` can call. */
export type Formatter = 'prettier' | 'oxfmt';

/** The formatters that this version of Nx can call: 23 has added one. */
export const formattersOf = (workspaceRoot: string): Formatter[] =>
  resolveNx(workspaceRoot).loadOptional('src/utils/formatters/oxfmt') === undefined
    ? ['prettier']
    : ['prettier', 'oxfmt'];
