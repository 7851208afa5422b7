export { type IdTokenClaims, readOwnIdToken } from './claims';
export { IdTokenVerifier, type IdTokenVerifierOptions } from './id-token-verifier';
export {
  issuerPrefix,
  requireOwnSession,
  requireSamePipeline,
  sessionIdOf,
  sessionKey,
} from './same-pipeline';
export { createSessionCertificate, pinOf, type SessionCertificate } from './session-certificate';
