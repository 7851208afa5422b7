import { randomBytes } from 'node:crypto';
import type { FileSystem } from './file-system';

/** Files with this suffix are unfinished; they are removed when the folder is opened after a crash. */
export const TEMP_PREFIX = '.tmp-';

/** Of this process; names of an earlier one are still there after a crash. */
const OWN = randomBytes(9).toString('base64url');
let names = 0;

/** Never the same twice. Random bytes for each would cost more than the rest of a small upload's name. */
export const tempName = (): string => `${TEMP_PREFIX}${OWN}-${(names += 1)}`;

/** Writes a file so that a reader sees the old content or the new one, never a part. */
export async function writeFileAtomically(
  fs: FileSystem,
  folder: string,
  name: string,
  content: string | Buffer | AsyncIterable<string>,
): Promise<void> {
  const temp = `${folder}/${tempName()}`;
  try {
    await fs.writeFile(temp, content, { flag: 'wx', mode: 0o600 });
    await fs.rename(temp, `${folder}/${name}`);
  } catch (thrown) {
    await fs.rm(temp, { force: true });
    throw thrown;
  }
}
