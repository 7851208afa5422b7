/**
 * Variables of dte whose values prove something. Whoever reads them takes them out of the environment first, so that no
 * task inherits them; they are no input of a task.
 */
export const SECRET_VARIABLES = ['DTE_SECRET', 'DTE_ID_TOKEN', 'DTE_GITLAB_TOKEN'] as const;
export type SecretVariable = (typeof SECRET_VARIABLES)[number];
