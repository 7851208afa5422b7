/** One project of the instance. All are private. */
export interface FakeProject {
  readonly id: number;
  /** Package registry of the project. Default enabled. */
  readonly packages?: 'enabled' | 'disabled';
  /** The group's setting for generic packages. Default allowed, as in GitLab. */
  readonly duplicates?: 'allowed' | 'rejected';
  /** `redirected`: downloads come from object storage, at another address. Default direct. */
  readonly downloads?: 'direct' | 'redirected';
  /** `free`: the job artifacts API does not accept job tokens. Default free, as most instances are. */
  readonly tier?: 'free' | 'premium';
  /** Default: a protected `main`. */
  readonly branches?: readonly FakeRef[];
  /** Default: none. */
  readonly tags?: readonly FakeRef[];
  /** Largest archive of job artifacts, in bytes. Default 100 MB, as in GitLab. */
  readonly artifactBytes?: number;
}

/** A branch or a tag. */
export interface FakeRef {
  readonly name: string;
  readonly protected: boolean;
}
