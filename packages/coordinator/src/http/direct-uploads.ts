import {
  decode,
  type DirectUpload,
  type DirectUploadAnswer,
  directUploadSchema,
  DteError,
  HTTP,
  LIMITS,
} from '@org/dte-protocol';
import type { ArtifactKey } from '../artifacts/artifact-store';
import type { StagedArtifacts } from '../artifacts/staged-artifacts';
import type { SessionRegistry } from '../session/registry';
import type { SharedResults } from '../shared/shared-results';
import { readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { noteUpload } from './note-upload';
import { requireOwn } from './own-artifacts';
import { hashOf } from './path-ids';

export interface DirectUploadDeps {
  readonly registry: SessionRegistry;
  /** Null: everything is sent here. */
  readonly staged: StagedArtifacts | null;
  readonly shared: SharedResults | null;
}

const ROLES = ['agent', 'main'] as const;

/**
 * Artifacts that their makers put into the bucket themselves: first they ask where, then they say that it is done. What they may store is the
 * same as if they sent it here.
 */
export function directUploadEndpoints(deps: DirectUploadDeps): Endpoint[] {
  const path = HTTP.direct(HTTP.cache(':hash'));
  return [
    { method: 'POST', path, roles: ROLES, handle: (call) => offer(deps, call) },
    { method: 'PUT', path, roles: ROLES, handle: (call) => commit(deps, call) },
  ];
}

async function offer(
  { registry, staged, shared }: DirectUploadDeps,
  call: Call,
): Promise<DirectUploadAnswer> {
  const { bytes, sha256 } = await uploadIn(call);
  const key = keyOf(call);
  await requireOwn(registry, call.claims, key);
  const isOffered = staged?.isOn === true && shared?.mayStage(call.claims.grant) === true;
  if (!isOffered) return { address: null, again: false };
  const address = await staged.offer(key, { bytes, sha256: hexOf(sha256) });
  if (address === null) return { address: null, again: staged.isOn };
  return { address: { url: address.url, headers: { ...address.headers } }, again: true };
}

async function commit({ registry, staged, shared }: DirectUploadDeps, call: Call): Promise<object> {
  const { bytes, sha256 } = await uploadIn(call);
  const key = keyOf(call);
  const { claims } = call;
  const attempts = await requireOwn(registry, claims, key);
  if (staged === null || shared?.mayStage(claims.grant) !== true) throw notOffered(key);
  const receipt = { bytes, sha256: hexOf(sha256) };
  const name = await staged.commit(key, receipt, claims.clientId);
  await noteUpload(registry, { key, receipt, claims, attempts, staged: name });
  return {};
}

async function uploadIn({ request }: Call): Promise<DirectUpload> {
  const maxBytes = LIMITS.settingsBytes.value;
  const text = (await readBody(request.raw, maxBytes, 'The request')).toString('utf8');
  return decode(directUploadSchema, text, maxBytes);
}

const keyOf = (call: Call): Extract<ArtifactKey, { hash: string }> => ({
  kind: 'cache',
  sessionId: call.claims.sessionId,
  hash: hashOf(call),
});

const hexOf = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

const notOffered = ({ hash }: { readonly hash: string }): DteError =>
  new DteError('DTE_ARTIFACT_MISSING', `No address was given for hash ${hash}: it has to be sent here.`);
