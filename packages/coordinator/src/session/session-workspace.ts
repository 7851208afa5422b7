import type { WorkspaceIdentity } from '@org/dte-protocol';
import type { FileSystem } from '../files/file-system';
import type { Peer } from './peer';
import { compareWorkspaces, loadWorkspaceIdentity, saveWorkspaceIdentity } from './workspace-identity';

/** The workspace of a session, which its first main job defines. */
export class SessionWorkspace {
  private defined: WorkspaceIdentity | null = null;

  constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
  ) {}

  /** Null until a main job has defined it. */
  get identity(): WorkspaceIdentity | null {
    return this.defined;
  }

  /** As the last process has left it. */
  async load(): Promise<void> {
    this.defined = await loadWorkspaceIdentity(this.fs, this.folder);
  }

  /**
   * The first main job defines the identity of the session. Later ones must match it while any main job is connected or
   * a run is open (`isBusy`). If neither is the case, a new main job defines it again.
   * @param onDefined before it is stored
   * @throws DteError those of `compareWorkspaces`, and what the disk throws
   */
  async take(
    { hello }: Peer,
    isBusy: boolean,
    onDefined: (identity: WorkspaceIdentity) => void,
  ): Promise<void> {
    const difference = this.defined === null ? null : compareWorkspaces(this.defined, hello);
    if (this.defined !== null && difference === null) return;
    if (difference !== null && isBusy) throw difference;
    this.defined = hello.identity;
    onDefined(hello.identity);
    await saveWorkspaceIdentity(this.fs, this.folder, hello.identity);
  }
}
