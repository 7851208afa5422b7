import { z } from 'zod';
import { put, type Tree } from '../workspace/tree';
import { hunksOf, undoHunks, type Hunk } from './hunks';

/*
 * What `remove` cannot detect by itself: lines of the vendor that were rewritten, an `include` that had another form.
 * Most workspaces need no record, and then there is none.
 */
export const RECORD_FILE = '.gitlab/dte-undo.json';

/** Files of ours that only the record knows: they are deleted if nothing else is in them. */
const NEW_FILES = ['.nx/dte.yaml'];

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

/** May a text become another one? */
type Check = (file: string, before: string, after: string) => boolean;

/** Restores what can be found. If that harms the file, only the hunks that do not; the others are still needed. */
function undoIn(
  file: string,
  text: string,
  hunks: readonly Hunk[],
  isSound: Check,
): { text: string; lost: Hunk[] } {
  const whole = undoHunks(text, hunks);
  if (isSound(file, text, whole.text)) return whole;
  let current = text;
  // From the end, so that line numbers of earlier hunks stay valid.
  for (const hunk of [...hunks].reverse()) {
    const one = undoHunks(current, [hunk]).text;
    if (isSound(file, current, one)) current = one;
  }
  return { text: current, lost: whole.lost };
}

/**
 * Undoes all recorded edits, the last one first, and removes the record.
 * @param isSound false for a text that would harm the file, which is not written then
 */
export function undoRecorded(tree: Tree, isSound: Check): { files: string[]; lost: Lost[] } {
  const { edits } = readRecord(tree);
  const lost: Lost[] = [];
  for (const { file, hunks } of [...edits].reverse()) {
    const text = tree.exists(file) ? tree.read(file, 'utf-8') : null;
    const result = text === null ? { text: null, lost: hunks } : undoIn(file, text, hunks, isSound);
    lost.push(...result.lost.map((hunk) => ({ ...hunk, file })));
    // A file with nothing in it was a new one, unless it is read by others even when empty.
    const gone = result.text === '' && NEW_FILES.includes(file);
    if (result.text !== null) put(tree, file, gone ? null : result.text);
  }
  put(tree, RECORD_FILE, null);
  return { files: [...new Set(edits.map(({ file }) => file))], lost };
}
