import { LIMITS } from '@org/dte-protocol';
import { z } from 'zod';

const MAX_PATTERNS = 200;
const MAX_PATTERN = 512;

const pattern = () => z.string().min(1).max(MAX_PATTERN);
const patterns = (about: string) => z.array(pattern()).min(1).max(MAX_PATTERNS).describe(about);

const runOnSchema = z
  .strictObject({
    agent: z
      .string()
      .max(128)
      .regex(/^[^\s,]+$/, 'expected a label, without blanks and commas')
      .describe('A label of agents: `dte start-agent --labels=linux-large`.'),
    parallelism: z
      .int('expected a whole number')
      .min(1)
      .max(LIMITS.slotsPerAgent.value)
      .optional()
      .describe(
        'A task of this rule starts on such an agent only while fewer tasks than this run there; 1: it is alone. Left out: --parallel of the command.',
      ),
  })
  .describe('Agents that the tasks may run on.');

/** `run-on: main`, instead of a list. */
export const MAIN = 'main';

const agentsSchema = z
  .array(runOnSchema)
  .min(1)
  .max(LIMITS.runOnEntries.value)
  .describe('Agents with any of these labels; for an agent with several the first that it has counts.');

export const ruleSchema = z
  .strictObject({
    projects: patterns(
      'Names of projects, `tag:x`, directories, globs and `!` before what is left out: as in `nx run-many --projects`.',
    ).optional(),
    targets: patterns(
      'Names of targets; `*` stands for any characters, `?` for one, `!` before what is left out.',
    ).optional(),
    configurations: patterns(
      'Names of configurations that tasks run with; `*`, `?` and `!` as for targets. A task without one is not meant.',
    ).optional(),
    'run-on': z
      .union([z.literal(MAIN), agentsSchema])
      .describe('`main`: the main job runs the tasks, on its own disk. Otherwise a list of agents.'),
  })
  .refine(
    ({ projects, targets, configurations }) => (projects ?? targets ?? configurations) !== undefined,
    'names neither projects, targets nor configurations',
  )
  .describe(
    'Where the tasks go that fit all of projects, targets and configurations. Of several such rules the most specific applies, then the first.',
  );

export const rulesSchema = z.array(ruleSchema).max(LIMITS.rulesPerRun.value);

/** `.nx/dte.yaml`. */
export const rulesFileSchema = z
  .strictObject({ 'assignment-rules': rulesSchema.describe('Which tasks run on which agents.') })
  .describe('Settings of @org/dte for this workspace.');

/** One rule as it is written. */
export type WrittenRule = z.infer<typeof ruleSchema>;

/** What editors check `.nx/dte.yaml` with; published as `schemas/dte.schema.json` of the package. */
export function rulesJsonSchema(): object {
  return z.toJSONSchema(rulesFileSchema, {
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== ruleSchema) return;
      jsonSchema.anyOf = ['projects', 'targets', 'configurations'].map((key) => ({ required: [key] }));
    },
  });
}
