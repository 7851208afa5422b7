import { DteError } from '@org/dte-protocol';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BOOK_SUFFIX, readBook } from './book-file';
import type { InputBook } from './input-book';

const EVENTS = '.jsonl';

/** Where the reports are in the artifacts of a main job, if they are unpacked as they are. */
const IN_ARTIFACTS = join('.nx', 'dte', 'report');

/**
 * The inputs of another report, which is given as its file of events, the file of inputs next to that, the folder with both, or
 * the unpacked artifacts of a main job.
 * @throws DteError DTE_NO_REPORT if they are not there, or cannot be read
 */
export async function readOtherReport(path: string): Promise<InputBook> {
  const file = bookFileOf(path);
  try {
    return await readBook(file);
  } catch (thrown) {
    throw none(
      `${file} is damaged, or it is not a file with the inputs of tasks that this version knows.`,
      thrown,
    );
  }
}

function bookFileOf(path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) return bookIn(path);
  const file = path.endsWith(EVENTS) ? path.slice(0, -EVENTS.length) + BOOK_SUFFIX : path;
  if (existsSync(file)) return file;
  if (file !== path && existsSync(path))
    throw none(
      `The inputs of the tasks in ${path} are not there: ${basename(file)} is missing next to it. Keep both as artifacts of the main job.`,
    );
  throw none(
    `There is no ${path}. Give the folder ${IN_ARTIFACTS} from the artifacts of another main job, or a file *${BOOK_SUFFIX} in it.`,
  );
}

function bookIn(folder: string): string {
  for (const place of [folder, join(folder, IN_ARTIFACTS)]) {
    const found = booksIn(place);
    const [first, ...others] = found;
    if (first === undefined) continue;
    if (others.length === 0) return join(place, first);
    throw none(
      `${place} has the inputs of ${found.length} sessions. Give the file of one: ${found.join(', ')}.`,
    );
  }
  throw none(`There is no file *${BOOK_SUFFIX} in ${folder}, so it does not have the inputs of any task.`);
}

const booksIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(BOOK_SUFFIX))
        .sort()
    : [];

const none = (message: string, cause?: unknown): DteError =>
  new DteError('DTE_NO_REPORT', message, { cause });
