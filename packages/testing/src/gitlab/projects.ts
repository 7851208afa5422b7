/** One project of the instance, all private. */
export interface FakeProject {
  readonly id: number;
  /** Package registry of the project. Default enabled. */
  readonly packages?: 'enabled' | 'disabled';
  /** The group's setting for generic packages. Default allowed, as in GitLab. */
  readonly duplicates?: 'allowed' | 'rejected';
  /** `redirected`: downloads come from object storage, at an address of its own. Default direct. */
  readonly downloads?: 'direct' | 'redirected';
}
