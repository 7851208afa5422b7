/**
 * Variables of dte that contain credentials. The code that reads one removes it from the environment first, so that no
 * task inherits it. They are never inputs of a task.
 */
export const SECRET_VARIABLES = ['DTE_SECRET', 'DTE_ID_TOKEN', 'DTE_GITLAB_TOKEN', 'DTE_NOTE_TOKEN'] as const;
export type SecretVariable = (typeof SECRET_VARIABLES)[number];
