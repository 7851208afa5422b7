import { z } from 'zod';

const plannedTaskSchema = z.strictObject({
  id: z.string().min(1),
  project: z.string().min(1),
  target: z.string().min(1),
  configuration: z.string().nullable(),
  /**
   * `agents`: agents run it. `cached`: some cache has its result. `main`: the main job runs it (servers that the
   * command names, tasks that need its disk). `nothing`: a group of others, or a server that each agent starts itself.
   */
  place: z.enum(['agents', 'cached', 'main', 'nothing']),
  /** Must run alone on its machine. */
  alone: z.boolean(),
});
export type PlannedTask = z.infer<typeof plannedTaskSchema>;

/** What an nx command would do, as the tasks runner writes it to a file. */
export const plannedWorkSchema = z.strictObject({
  version: z.literal(1),
  tasks: z.array(plannedTaskSchema),
});
export type PlannedWork = z.infer<typeof plannedWorkSchema>;
