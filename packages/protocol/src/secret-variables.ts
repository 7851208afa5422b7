/**
 * Variables of dte that contain credentials. The code that reads one removes it from the environment first, so that no
 * task inherits it. They are never inputs of a task.
 */
export const SECRET_VARIABLES = [
  'DTE_SECRET',
  'DTE_ID_TOKEN',
  'DTE_GITLAB_TOKEN',
  'DTE_NOTE_TOKEN',
  'DTE_S3_ACCESS_KEY_ID',
  'DTE_S3_SECRET_ACCESS_KEY',
  'DTE_S3_SESSION_TOKEN',
] as const;
export type SecretVariable = (typeof SECRET_VARIABLES)[number];
