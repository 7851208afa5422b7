import { z } from 'zod';
import { put, type Tree } from '../workspace/tree';
import { hunksOf, undoHunks, type Hunk } from './hunks';

/*
 * What `remove` cannot detect by itself: lines of the vendor that were rewritten, an `include` that had another form.
 * Most workspaces need no record, and then there is none.
 */
export const RECORD_FILE = '.gitlab/dte-undo.json';

const hunkSchema = z.strictObject({
  line: z.int().positive(),
  before: z.string().nullable(),
  now: z.array(z.string()),
  was: z.array(z.string()),
});

const recordSchema = z.object({
  about: z.string(),
  /** In the order in which they were made. */
  edits: z.array(z.strictObject({ file: z.string(), hunks: z.array(hunkSchema) })),
});

type UndoRecord = z.infer<typeof recordSchema>;

const ABOUT =
  'What `nx g @org/dte:remove` restores. Written by `nx g @org/dte:setup-gitlab` and removed with it.';

/** @throws z.ZodError or SyntaxError if the file is invalid */
function readRecord(tree: Tree): UndoRecord {
  const text = tree.exists(RECORD_FILE) ? tree.read(RECORD_FILE, 'utf-8') : null;
  return text === null ? { about: ABOUT, edits: [] } : recordSchema.parse(JSON.parse(text));
}

export interface FileEdit {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** Adds edits to the record; edits without a change are skipped. */
export function recordEdits(tree: Tree, edits: readonly FileEdit[]): void {
  const made = edits
    .filter(({ before, after }) => before !== after)
    .map(({ file, before, after }) => ({
      file,
      hunks: hunksOf(before, after) as UndoRecord['edits'][number]['hunks'],
    }));
  if (made.length === 0) return;
  const record = readRecord(tree);
  put(tree, RECORD_FILE, `${JSON.stringify({ ...record, edits: [...record.edits, ...made] }, null, 2)}\n`);
}

export interface Lost extends Hunk {
  readonly file: string;
}

/** Undoes all recorded edits, the last one first, and removes the record. */
export function undoRecorded(tree: Tree): { files: string[]; lost: Lost[] } {
  const { edits } = readRecord(tree);
  const lost: Lost[] = [];
  for (const { file, hunks } of [...edits].reverse()) {
    const text = tree.exists(file) ? tree.read(file, 'utf-8') : null;
    const result = text === null ? { text: null, lost: hunks } : undoHunks(text, hunks);
    lost.push(...result.lost.map((hunk) => ({ ...hunk, file })));
    if (result.text !== null) put(tree, file, result.text);
  }
  put(tree, RECORD_FILE, null);
  return { files: [...new Set(edits.map(({ file }) => file))], lost };
}
