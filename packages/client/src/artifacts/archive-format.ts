import { DteError, taskIdSchema } from '@org/dte-protocol';
import { z } from 'zod';

/**
 * The archive of one attempt: a tar, gzip level 1, with these entries in this order: `meta.json`, `terminal-output`
 * (UTF-8), then everything below `outputs/`, named relative to the workspace.
 */
export const META_ENTRY = 'meta.json';
export const TERMINAL_OUTPUT_ENTRY = 'terminal-output';
export const OUTPUTS_PREFIX = 'outputs/';

/** Level 1: most of the gain for a fraction of the time; build outputs are transferred only once or twice. */
export const GZIP_LEVEL = 1;

/** Size of `meta.json`, the one entry that is read before anything is known of the archive. Not configurable: dte writes it itself, and the longest task id and hash fit into it. */
export const META_BYTES = 16 * 1024;

/** Built for the first reader: who only writes archives needs no zod. */
const makeMetaSchema = () =>
  z.strictObject({
    version: z.literal(1),
    taskId: taskIdSchema,
    hash: z.string().max(1024).nullable(),
    code: z.int(),
    status: z.enum(['success', 'failure']),
    /** Of the terminal output, in hex. A reader of the beginning cannot verify the sha256 of the whole archive. */
    terminalSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  });
/** The description of an attempt in its archive. */
export type ArchiveMeta = z.infer<ReturnType<typeof makeMetaSchema>>;

let metaSchema: ReturnType<typeof makeMetaSchema> | undefined;

/** @throws DteError DTE_ARTIFACT_UNSAFE if it is not a valid meta.json */
export function parseMeta(text: string): ArchiveMeta {
  metaSchema ??= makeMetaSchema();
  try {
    return metaSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DteError(
      'DTE_ARTIFACT_UNSAFE',
      'The archive does not start with a meta.json of this version.',
      { cause },
    );
  }
}
