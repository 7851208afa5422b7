import type { NxTask } from '@org/dte-nx-compat';

/** Could an agent run this task with other files than those here, without a difference between the hashes? See on-main/unseen-changes.ts. */
export const mayBeUnseen = (task: NxTask): boolean => task.hash === undefined || task.cache !== true;
