export type { FakeRole } from './access';
export { selfSignedCertificate, type TestCertificate } from './certificate';
export {
  startFakeGitlab,
  type Failure,
  type FakeGitlab,
  type FakeGitlabOptions,
  type SeenRequest,
} from './fake-gitlab';
export type { FakeClaims, IdTokenOptions } from './issuer';
export type { FakePackage, FakePackageFile } from './package-registry';
export type { FakePipeline } from './pipelines-api';
export type { FakeProject } from './projects';
