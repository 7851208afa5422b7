import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CannotTry } from '../model/cannot-try';
import { gitWith, type Git } from './git';
import { createHome, environmentOf, GIT_CONFIG, type Env } from './environment';
import { canClone, copyFolder, linkFolder, stampsOf, type Stamps } from './folders';
import { distributedNxJson, plainNxJson } from './nx-json';
import { OwnPackages } from './own-packages';
import { cloneOrigin, createOrigin, nodeModulesOf, type Origin } from './source';

/** One job's copy of the workspace, with HOME, caches and temporary folder. */
export interface Copy {
  readonly name: string;
  readonly folder: string;
  readonly workspace: string;
  readonly env: Env;
}

export interface CopiesOptions {
  /** Absolute; it is only read. */
  readonly workspace: string;
  /** An empty folder for everything. */
  readonly root: string;
  /** The installed package @org/dte. */
  readonly product: string;
  /** Of the user's shell. */
  readonly env: Env;
  readonly base?: string | undefined;
  /** Each copy has its own node_modules instead of hard links to one. */
  readonly fullCopies: boolean;
  /** Called with what is copied at the moment. */
  readonly note: (what: string) => void;
}

/** @throws CannotTry */
function checkWorkspace(folder: string): void {
  if (!existsSync(join(folder, 'nx.json')))
    throw new CannotTry(`${folder} has no nx.json. Run this in an Nx workspace.`);
  if (existsSync(join(folder, 'node_modules', 'nx'))) return;
  const isPnp = existsSync(join(folder, '.pnp.cjs'));
  throw new CannotTry(
    isPnp
      ? `${folder} uses Yarn Plug'n'Play, which parity does not support: it needs a node_modules folder to copy.`
      : `nx is not installed in ${folder}. Install the workspace's packages first.`,
  );
}

/** Creates copies of one workspace. Files, history and node_modules are copied from it once; the copies share our own copy. */
export class Copies {
  private constructor(
    private readonly options: CopiesOptions,
    private readonly git: Git,
    readonly origin: Origin,
    private readonly parts: {
      /** Folders called node_modules, relative to the workspace. */
      readonly modules: readonly string[];
      /** The copies share their files. */
      readonly isShared: boolean;
      readonly own: OwnPackages;
      readonly stamps: readonly Stamps[];
    },
  ) {}

  /** @throws CannotTry */
  static async create(options: CopiesOptions): Promise<Copies> {
    const { workspace, root, product, base, note } = options;
    checkWorkspace(workspace);
    mkdirSync(join(root, 'home'), { recursive: true });
    await writeFile(join(root, 'home', '.gitconfig'), GIT_CONFIG);
    note('files and history');
    const git = gitWith(join(root, 'home'));
    const origin = await createOrigin(workspace, join(root, 'origin'), git, base);
    const modules = nodeModulesOf(workspace);
    const stamps: Stamps[] = [];
    for (const [index, path] of modules.entries()) {
      note(path);
      const copy = Copies.master(root, index);
      await copyFolder(join(workspace, path), copy);
      stamps.push(await stampsOf(copy));
    }
    note('@org/dte');
    const isShared = !options.fullCopies && !(await canClone(root));
    const own = await OwnPackages.collect(product, join(root, 'own'));
    return new Copies(options, git, origin, { modules, isShared, own, stamps });
  }

  private static master(root: string, index: number): string {
    return join(root, 'modules', String(index), 'node_modules');
  }

  /**
   * A new copy, with its own HOME and caches.
   * @param job the job's name
   */
  async add(name: string, kind: 'plain' | 'distributed', job: string): Promise<Copy> {
    const { root, env } = this.options;
    const folder = join(root, name);
    const workspace = join(folder, 'workspace');
    mkdirSync(join(folder, 't'), { recursive: true });
    await createHome(join(folder, 'home'));
    await cloneOrigin(this.origin, workspace, this.git);
    const put = this.parts.isShared ? linkFolder : copyFolder;
    for (const [index, path] of this.parts.modules.entries())
      await put(Copies.master(root, index), join(workspace, path));
    if (kind === 'distributed') await this.parts.own.addTo(workspace);
    // A workspace without .gitignore also has node_modules.
    appendFileSync(join(workspace, '.git', 'info', 'exclude'), 'node_modules\n.nx\n');
    const nxJson = join(workspace, 'nx.json');
    const text = readFileSync(nxJson, 'utf8');
    rmSync(nxJson);
    writeFileSync(nxJson, kind === 'plain' ? plainNxJson(text) : distributedNxJson(text));
    const { base, head } = this.origin;
    return { name, folder, workspace, env: environmentOf(env, { job, folder, base, head }) };
  }

  /** Files of node_modules that tasks have changed in place although the copies share them, relative to the workspace. */
  async changedModules(): Promise<string[]> {
    const changed: string[] = [];
    for (const [index, path] of this.parts.modules.entries()) {
      const now = await stampsOf(Copies.master(this.options.root, index));
      for (const [file, stamp] of this.parts.stamps[index] ?? [])
        if (now.get(file) !== stamp) changed.push(join(path, file));
    }
    return changed;
  }
}
