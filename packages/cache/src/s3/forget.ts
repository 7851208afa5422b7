import type { EntryName } from '../port/shared-cache';
import type { Bucket, ListedKey } from './bucket';
import { entryOfText } from './entry-text';
import { dataKey, type Mark, partsOfKey } from './keys';
import { PARALLEL_REQUESTS } from './limits';
import { inParallel } from './turns';

/** The keys of one entry, as a list has them. */
interface Folder {
  readonly name: EntryName;
  readonly path: string;
  readonly keys: string[];
  readonly marks: Mark[];
  /** Of the entry itself; null if there is none. */
  bytes: number | null;
}

/**
 * Removes every entry of a project that a pipeline made, page by page of the list of the project.
 * @returns how many entries
 */
export async function forgetPipeline(
  bucket: Bucket,
  project: string,
  pipelineId: string,
  signal: AbortSignal,
): Promise<number> {
  const folders = new Map<string, Folder>();
  let count = 0;
  const settle = async (some: readonly Folder[]): Promise<void> => {
    await inParallel(some, PARALLEL_REQUESTS, async (folder) => {
      folders.delete(folder.path);
      if (!(await isOf(bucket, folder, pipelineId, signal))) return;
      // The bytes first: without them there is no entry, whatever happens then.
      for (const key of folder.keys) await bucket.delete(key, signal);
      count += 1;
    });
  };
  for await (const page of bucket.pages(project, null, signal)) {
    for (const listed of page) note(folders, listed);
    // The last folder of a page may go on in the next one.
    const last = [...folders.keys()].at(-1);
    await settle([...folders.values()].filter(({ path }) => path !== last));
  }
  await settle([...folders.values()]);
  return count;
}

function note(folders: Map<string, Folder>, { key, bytes }: ListedKey): void {
  const parts = partsOfKey(key);
  if (parts === null) return;
  const { folder: path, kind, mark } = parts;
  const folder = folders.get(path) ?? {
    name: { kind, hash: '' },
    path,
    keys: [],
    marks: [],
    bytes: null,
  };
  folders.set(path, folder);
  folder.keys.push(key);
  if (mark === null) folder.bytes = bytes;
  else folder.marks.push(mark);
}

/** One mark of these bytes says it; otherwise only the object itself does. */
async function isOf(
  bucket: Bucket,
  folder: Folder,
  pipelineId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { marks, name, path, bytes } = folder;
  const [mark, ...others] = marks;
  const isClear = mark !== undefined && others.length === 0 && (bytes === null || mark.bytes === bytes);
  const text = isClear ? mark.text : (await bucket.head(dataKey(path), signal))?.text;
  return text != null && entryOfText(name, text)?.origin.pipelineId === pipelineId;
}
