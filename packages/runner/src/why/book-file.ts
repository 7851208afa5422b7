import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { projectOf } from '@org/dte-protocol';
import { reportFolderOf } from '../chronicle/report-folder';
import { bookText, readBookText } from './book-format';
import { InputBook, mergeBooks } from './input-book';

/** Different hashes that are kept of each task. Not configurable: the nearest one is rarely older. */
const KEPT_HASHES = 5;
/** Bytes of a file. Not configurable: 10,000 tasks with 300 inputs each take less, and a CI system stores it after each pipeline. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of the text in it. Part of the limit above: a small file could become a large one. */
const MAX_TEXT_BYTES = 16 * MAX_BYTES;
/** Of Brotli's levels the first that finds what an earlier command has written, and fast enough for the end of a command. */
const QUALITY = 4;

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

/** What the name of an events' file ends with is replaced by this for the file of inputs next to it. */
export const BOOK_SUFFIX = '.inputs.br';

/** The inputs of a project's tasks in earlier pipelines, in the folder that is kept between them. */
export const historyBookOf = (historyDir: string, sessionId: string): string =>
  join(historyDir, `${projectOf(sessionId)}${BOOK_SUFFIX}`);

/** The inputs of the tasks of one session, next to its events. */
export const sessionBookOf = (dataDir: string, sessionId: string): string =>
  join(reportFolderOf(dataDir), `${sessionId}${BOOK_SUFFIX}`);

/**
 * Reads a file of inputs; an empty book if it does not exist.
 * @throws if it is damaged
 */
export async function readBook(path: string): Promise<InputBook> {
  const size = await stat(path).then(
    (found) => found.size,
    () => null,
  );
  if (size === null) return new InputBook();
  if (size > MAX_BYTES) throw new RangeError(`${path} has ${size} bytes`);
  const text = await decompress(await readFile(path), { maxOutputLength: MAX_TEXT_BYTES });
  return readBookText(text.toString('utf8'));
}

/**
 * Adds commands to a file. Others may have written to it since it was read, so it is read again: what two write at the same
 * moment, only one of them keeps. If it becomes too large, the oldest commands are left out.
 * @throws what the file system throws
 */
export async function addToBook(path: string, news: InputBook): Promise<void> {
  const there = await readBook(path).catch(() => new InputBook());
  const all = mergeBooks([there, news], KEPT_HASHES);
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, await compressed(all), { mode: 0o600 });
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

async function compressed(book: InputBook): Promise<Buffer> {
  const text = Buffer.from(bookText(book));
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  };
  const bytes = await compress(text, { params });
  if ((bytes.length <= MAX_BYTES && text.length <= MAX_TEXT_BYTES) || book.runs.length === 0) return bytes;
  const younger = new InputBook();
  for (const run of book.runs.slice(1)) younger.adopt(book, run, () => true);
  return compressed(younger);
}
