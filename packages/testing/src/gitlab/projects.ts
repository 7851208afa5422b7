/** One project of the instance. All are private. */
export interface FakeProject {
  readonly id: number;
  /** Package registry of the project. Default enabled. */
  readonly packages?: 'enabled' | 'disabled';
  /** The group's setting for generic packages. Default allowed, as in GitLab. */
  readonly duplicates?: 'allowed' | 'rejected';
  /** `redirected`: downloads come from object storage, at another address. Default direct. */
  readonly downloads?: 'direct' | 'redirected';
}
