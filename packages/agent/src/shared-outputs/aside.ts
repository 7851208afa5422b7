import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** On the same file system as the workspace, so that nothing is copied. Nx and git ignore this folder. */
const FOLDER = '.nx/dte-aside';

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const isFolder = async (path: string): Promise<boolean> => (await lstat(path)).isDirectory();

/** Files, links and empty folders of a workspace that are moved away while other files are restored. */
export class Aside {
  private constructor(
    private readonly root: string,
    private readonly folder: string,
    private readonly paths: readonly string[],
    private readonly onTop: ReadonlySet<string>,
  ) {}

  /**
   * Moves those of the paths that exist.
   * @param onTop those of them that later replace what is restored in their place
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
   * Moves the paths back. Files that were restored in their place are kept, because they are newer, except for `onTop`.
   * @returns the paths that were moved back
   */
  async putBack(): Promise<ReadonlySet<string>> {
    const back = new Set<string>();
    for (const path of this.paths) {
      const place = join(this.root, path);
      if (await isThere(place)) {
        // For a folder, only its existence was recorded.
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
