import { z } from 'zod';

/** What a machine has for tasks, or what a task takes of one. */
export const capacitySchema = z.strictObject({
  cpus: z.number().positive().describe('Cores; a part of one where the system limits processor time.'),
  memoryBytes: z.number().positive().describe('Memory in bytes.'),
});
export type Capacity = z.infer<typeof capacitySchema>;
