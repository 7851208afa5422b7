import { z } from 'zod';

const ms = z.number().describe('Milliseconds.');

/** Expected against actual durations of one command: tasks that were expected to take some time, ran, and succeeded. */
export const runAccuracySchema = z.strictObject({
  tasks: z.int().min(1).describe('Tasks that can be compared.'),
  expectedMs: ms.describe('Sum of what they were expected to take, in ms.'),
  actualMs: ms.describe('Sum of what they took, in ms.'),
  medianErrorPercent: z
    .number()
    .min(0)
    .describe('Half of the estimates were wrong by at most this, in % of what the task took.'),
  goodShare: z
    .number()
    .min(0)
    .max(1)
    .describe('Share of the estimates that were wrong by a factor of at most 1.5.'),
  worst: z
    .array(z.strictObject({ id: z.string(), expectedMs: ms, actualMs: ms }))
    .describe('The estimates that were wrong by the largest factors, the worst first; not all of them.'),
  wall: z
    .strictObject({ expectedMs: ms, actualMs: ms })
    .nullable()
    .describe(
      'How long the command would have taken if its tasks had taken what was expected, on the agents that there were, and how long it took; null while it runs.',
    ),
});
export type RunAccuracy = z.infer<typeof runAccuracySchema>;
