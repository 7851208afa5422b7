export { type BoundedAnswer, type BoundedRequest, boundedRequest } from './bounded-request';
export { channelOf, hasPin } from './channel';
export { type IdTokenClaims, readOwnIdToken } from './claims';
export { IdTokenVerifier, issuerAsInTokens } from './id-token-verifier';
export { OLDEST_TLS } from './oldest-tls';
export { isProof, makeProof, newNonce, sameText } from './proof';
export { requireOwnSession, requireSamePipeline, sessionIdOf, sessionKey } from './same-pipeline';
export { type CoordinatorCertificate, createCoordinatorCertificate, pinOf } from './coordinator-certificate';
export { GitlabSignIn } from './sign-in';
