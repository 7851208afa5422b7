import { type IncomingMessage } from 'node:http';
import { type Readable } from 'node:stream';
import { type LimitValues, DIGEST_HEADER, DteError, sha256OfHeader } from '@org/dte-protocol';
import { errorOfFailure } from './http-error';
import { type RequestSpec } from './request';
import { type Received, spool } from './spool';

/** What has been downloaded and is what was stored; `bytes` is its whole size, null when the coordinator did not say. */
export type Download = Readable & { readonly bytes?: number | null };

/** What the coordinator says of an artifact that a reader doubts. */
export type Checked = 'good' | 'removed' | 'absent';

export interface DownloadDeps {
  readonly limits: Pick<LimitValues, 'artifactBytes' | 'artifactInMemoryBytes' | 'artifactReads'>;
  send(spec: RequestSpec): Promise<IncomingMessage>;
  /** Has the coordinator read the artifact at this path again. */
  check(path: string): Promise<Checked>;
}

/** An artifact that arrived, and what it should have been. */
interface Doubtful {
  readonly came: string;
  readonly stored: string | null;
}

const describe = ({ came, stored }: Doubtful): string =>
  stored === null
    ? `it arrived without its sha256 (header ${DIGEST_HEADER})`
    : `its sha256 is ${came}, the stored one is ${stored}`;

/** Received, or in doubt. @throws DteError when it does not arrive at all */
async function receive(deps: DownloadDeps, spec: RequestSpec): Promise<Received | Doubtful> {
  const answer = await deps.send(spec);
  const header = answer.headers[DIGEST_HEADER];
  const stored = typeof header === 'string' ? sha256OfHeader(header) : null;
  let received: Received;
  try {
    received = await spool(answer, deps.limits);
  } catch (thrown) {
    throw errorOfFailure(`${spec.method} ${spec.path}`, thrown);
  }
  if (received.sha256 === stored) return received;
  await received.discard();
  return { came: received.sha256, stored };
}

const damaged = (path: string, how: string, cause?: unknown): DteError =>
  new DteError('DTE_ARTIFACT_DAMAGED', `The artifact at ${path} is damaged: ${how}.`, { cause });

/** What is thrown for an artifact in doubt; null: its copy at the coordinator is good, and it may be asked for again. */
async function verdict(deps: DownloadDeps, path: string, doubtful: Doubtful): Promise<DteError | null> {
  const how = describe(doubtful);
  let state: Checked;
  try {
    state = await deps.check(path);
  } catch (thrown) {
    return damaged(path, `${how}, and the coordinator could not be informed`, thrown);
  }
  return state === 'good' ? null : damaged(path, `${how}; the coordinator has removed it`);
}

/**
 * An artifact, received whole and held against the sha256 of what was stored, before anybody sees a byte of it. Damage is
 * told to the coordinator, which removes what it finds damaged itself; what was damaged on its way is asked for again, and so
 * is what was cut off.
 * @throws DteError DTE_ARTIFACT_DAMAGED, DTE_ARTIFACT_TOO_LARGE, DTE_DISK_FULL, those of a request
 */
export async function download(deps: DownloadDeps, spec: RequestSpec): Promise<Download> {
  const { artifactReads } = deps.limits;
  for (let reads = 1; ; reads++) {
    const isLast = reads >= artifactReads || spec.signal?.aborted === true;
    let doubtful: Doubtful;
    try {
      const received = await receive(deps, spec);
      if ('read' in received) return Object.assign(received.read(), { bytes: received.bytes });
      doubtful = received;
    } catch (thrown) {
      const error = DteError.from(thrown);
      // Not a refusal: those that pass by themselves are retried by whoever sends the request.
      if (isLast || error.code !== 'DTE_NO_COORDINATOR') throw error;
      continue;
    }
    const trouble = await verdict(deps, spec.path, doubtful);
    if (trouble !== null) throw trouble;
    if (!isLast) continue;
    const where = "the coordinator's own copy is intact, so check the network and any proxy in between";
    throw damaged(spec.path, `${describe(doubtful)}, ${reads} times; ${where}`);
  }
}
