import { LIMITS } from '@org/dte-protocol';
import { z } from 'zod';

/** Patterns of one rule. Part of the schema of the rules' file, which editors check too: not configurable. */
const MAX_PATTERNS = 200;
/** Characters of one pattern. Part of the same schema. */
const MAX_PATTERN = 512;

const pattern = () => z.string().min(1).max(MAX_PATTERN);
const patterns = (about: string) => z.array(pattern()).min(1).max(MAX_PATTERNS).describe(about);

const runOnSchema = z
  .strictObject({
    agent: z
      .string()
      .max(128)
      .regex(/^[^\s,]+$/, 'expected a label without spaces and commas')
      .describe('A label of agents, as in `dte start-agent --labels=linux-large`.'),
    parallelism: z
      .int('expected a whole number')
      .min(1)
      .max(LIMITS.slotsPerAgent.value)
      .optional()
      .describe(
        'A task of this rule starts on such an agent only while fewer tasks than this run there. 1: the task runs alone. Default: --parallel of the command.',
      ),
  })
  .describe('Agents on which the tasks may run.');

/** `run-on: main`, instead of a list. */
export const MAIN = 'main';

const agentsSchema = z
  .array(runOnSchema)
  .min(1)
  .max(LIMITS.runOnEntries.value)
  .describe('Agents with any of these labels. If an agent has several of them, the first one applies.');

export const ruleSchema = z
  .strictObject({
    projects: patterns(
      'Project names, `tag:x`, directories or globs, as in `nx run-many --projects`; `!` excludes.',
    ).optional(),
    targets: patterns('Target names; `*` matches any characters, `?` matches one, `!` excludes.').optional(),
    configurations: patterns(
      'Configurations with which tasks run; `*`, `?` and `!` as for targets. Tasks without a configuration do not match.',
    ).optional(),
    'run-on': z
      .union([z.literal(MAIN), agentsSchema])
      .describe('`main`: the main job runs the tasks, with its own files. Otherwise, a list of agents.'),
  })
  .refine(
    ({ projects, targets, configurations }) => (projects ?? targets ?? configurations) !== undefined,
    'needs at least one of projects, targets and configurations',
  )
  .describe(
    'Where tasks run that match all of projects, targets and configurations. If several rules match, the most specific one applies, then the first.',
  );

export const rulesSchema = z.array(ruleSchema).max(LIMITS.rulesPerRun.value);

/** `.nx/dte.yaml`. */
export const rulesFileSchema = z
  .strictObject({ 'assignment-rules': rulesSchema.describe('Which tasks run on which agents.') })
  .describe('Settings of @org/dte for this workspace.');

/** One rule as written. */
export type WrittenRule = z.infer<typeof ruleSchema>;

/** The schema with which editors check `.nx/dte.yaml`; published as `schemas/dte.schema.json` of the package. */
export function rulesJsonSchema(): object {
  return z.toJSONSchema(rulesFileSchema, {
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== ruleSchema) return;
      jsonSchema.anyOf = ['projects', 'targets', 'configurations'].map((key) => ({ required: [key] }));
    },
  });
}
