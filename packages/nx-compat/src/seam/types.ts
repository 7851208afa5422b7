/** What `dte doctor` needs to know about how Nx would call us. Plain data; absent means not set. */
export interface SeamFindings {
  /** `undefined` if nx is not installed. */
  nxVersion: string | undefined;
  /** `tasksRunnerOptions.default.runner` of nx.json. */
  runnerConfigured: string | undefined;
  /** `require.resolve('nx-cloud')` from nx's own folder, which 21-24 load. */
  aliasResolves: boolean;
  /** Name and version in the package.json found there. */
  aliasPackage: { name: string; version: string } | undefined;
  /** That package is our shim. */
  aliasIsOurs: boolean;
  /** `tasksRunnerOptions.default.options.accessToken` of nx.json is set. */
  accessTokenSet: boolean;
  /** NX_NO_CLOUD is `true`. */
  nxNoCloud: boolean;
  /** `neverConnectToCloud` of nx.json. */
  neverConnectToCloud: boolean;
  /** `nxCloudId` of nx.json. */
  nxCloudId: string | undefined;
  /** `nxCloudAccessToken` of nx.json is set. */
  nxCloudAccessTokenInNxJson: boolean;
  /** NX_CLOUD_ACCESS_TOKEN or NX_CLOUD_AUTH_TOKEN is set. */
  nxCloudAccessTokenEnv: boolean;
  /** CODEX_ENV_NODE_VERSION is set. */
  codexEnv: boolean;
  /** Whether Nx considers the workspace a user of the vendor's service; `undefined` if nx cannot be loaded. */
  nxCloudUsed: boolean | undefined;
  /** Whether Nx would call our runner; if not, the first reason. */
  reachable: { ok: true } | { ok: false; reason: SeamObstacle };
}

export type SeamObstacle =
  | 'nx-missing'
  | 'nx-unsupported'
  | 'runner-missing'
  | 'access-token-missing'
  | 'alias-missing'
  | 'alias-foreign'
  | 'no-cloud'
  | 'codex'
  | 'counts-as-nx-cloud';
