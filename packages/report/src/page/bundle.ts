import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `tools/build-page.mjs` made of `packages/report/page`. The hashes are those of a Content-Security-Policy. */
interface PageBundle {
  readonly script: string;
  readonly style: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

/** The same from `src` and from `dist`. */
const FILE = join(__dirname, '../../dist/bundle/page.json');

let read: PageBundle | null = null;

export function pageBundle(): PageBundle {
  // It is part of the package; only a checkout that was not built has none.
  read ??= JSON.parse(readFileSync(FILE, 'utf8')) as PageBundle;
  return read;
}
