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

/** Files, links and empty folders of a workspace that are out of the way while something else is put in place. */
export class Aside {
  private constructor(
    private readonly root: string,
    private readonly folder: string,
    private readonly paths: readonly string[],
  ) {}

  /** Moves what exists of these paths. */
  static async move(root: string, paths: readonly string[]): Promise<Aside> {
    const folder = join(root, FOLDER, randomUUID());
    const moved: string[] = [];
    const aside = new Aside(root, folder, moved);
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
   * What has come in the meantime stays: it was made by somebody who came later.
   * @returns the paths that are back
   */
  async putBack(): Promise<ReadonlySet<string>> {
    const back = new Set<string>();
    for (const path of this.paths) {
      const place = join(this.root, path);
      if (await isThere(place)) continue;
      await mkdir(dirname(place), { recursive: true });
      await rename(join(this.folder, path), place);
      back.add(path);
    }
    await rm(this.folder, { recursive: true, force: true });
    return back;
  }
}
