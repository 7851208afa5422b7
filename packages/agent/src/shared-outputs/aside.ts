import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Beside the workspace's own files, so that nothing is copied. Nx and git leave this folder alone. */
const FOLDER = '.nx/dte-aside';

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const isFolder = async (path: string): Promise<boolean> => (await lstat(path)).isDirectory();

/** Files, links and empty folders of a workspace that are out of the way while something else is put in place. */
export class Aside {
  private constructor(
    private readonly root: string,
    private readonly folder: string,
    private readonly paths: readonly string[],
    private readonly onTop: ReadonlySet<string>,
  ) {}

  /**
   * Moves what exists of these paths.
   * @param onTop those of them that replace what comes in the meantime
   */
  static async move(
    root: string,
    paths: readonly string[],
    onTop: ReadonlySet<string> = new Set(),
  ): Promise<Aside> {
    const folder = join(root, FOLDER, randomUUID());
    const moved: string[] = [];
    const aside = new Aside(root, folder, moved, onTop);
    try {
      for (const path of paths) {
        if (!(await isThere(join(root, path)))) continue;
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await rename(join(root, path), join(folder, path));
        moved.push(path);
      }
      return aside;
    } catch (thrown) {
      await aside.putBack();
      throw thrown;
    }
  }

  /**
   * What has come in the meantime stays, as it was made by somebody who came later, unless it belongs below.
   * @returns the paths that are back
   */
  async putBack(): Promise<ReadonlySet<string>> {
    const back = new Set<string>();
    for (const path of this.paths) {
      const place = join(this.root, path);
      if (await isThere(place)) {
        // Of a folder nothing was noted but that it was there.
        if (!this.onTop.has(path) || (await isFolder(join(this.folder, path)))) continue;
        await rm(place, { recursive: true, force: true });
      }
      await mkdir(dirname(place), { recursive: true });
      await rename(join(this.folder, path), place);
      back.add(path);
    }
    await rm(this.folder, { recursive: true, force: true });
    return back;
  }
}
