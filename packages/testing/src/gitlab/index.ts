export { selfSignedCertificate, type TestCertificate } from './certificate';
export { startFakeGitlab, type FakeGitlab } from './fake-gitlab';
export type { FakeClaims, IdTokenOptions } from './issuer';
export { artifactsOf } from './job-store';
export type { FakeProject } from './projects';
export type { FakeUser, SignInFault } from './sign-in';
