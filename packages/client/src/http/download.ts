import { type IncomingMessage } from 'node:http';
import { type Readable } from 'node:stream';
import { type LimitValues, DIGEST_HEADER, DteError, sha256OfHeader } from '@org/dte-protocol';
import { errorOfFailure } from './http-error';
import { type DirectReads } from './direct';
import { type RequestSpec, isElsewhere } from './request';
import { type Received, spool } from './spool';

/** Downloaded and verified; `bytes` is its total size, null if the coordinator did not send it. */
export type Download = Readable & { readonly bytes?: number | null };

/** The coordinator's finding about an artifact that a reader suspects. */
export type Checked = 'good' | 'removed' | 'absent';

export interface DownloadDeps {
  readonly limits: Pick<LimitValues, 'artifactBytes' | 'artifactInMemoryBytes' | 'artifactReads'>;
  send(spec: RequestSpec): Promise<IncomingMessage>;
  /** Where else artifacts may be read. */
  readonly direct: Pick<DirectReads, 'isOn' | 'read'>;
  /** Lets the coordinator read the artifact at this path again. */
  check(path: string): Promise<Checked>;
}

/** A received artifact, and its expected digest. */
interface Doubtful {
  readonly came: string;
  readonly stored: string | null;
}

const describe = ({ came, stored }: Doubtful): string =>
  stored === null
    ? `it arrived without its sha256 (header ${DIGEST_HEADER})`
    : `its sha256 is ${came}, the stored one is ${stored}`;

/** Received or suspect. @throws DteError if it does not arrive completely */
async function receive(
  deps: DownloadDeps,
  spec: RequestSpec,
  answer: IncomingMessage,
): Promise<Received | Doubtful> {
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

/** The error for a suspect artifact; null: the coordinator's copy is good, and the download can be retried. */
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
 * Downloads an artifact completely and verifies its sha256 before anyone sees a byte of it. Damage is reported to the
 * coordinator, which removes the artifact if it finds the damage itself. An artifact that was damaged in transit or cut
 * off is downloaded again. With `direct`, it is read from wherever the coordinator says, and from the coordinator if that fails.
 * @throws DteError DTE_ARTIFACT_DAMAGED, DTE_ARTIFACT_TOO_LARGE, DTE_DISK_FULL, those of a request
 */
export async function download(deps: DownloadDeps, given: RequestSpec): Promise<Download> {
  const { artifactReads } = deps.limits;
  let spec: RequestSpec = { ...given, direct: given.direct === true && deps.direct.isOn };
  for (let reads = 1; ; reads++) {
    const isLast = reads >= artifactReads || spec.signal?.aborted === true;
    // Not in the `try`: whoever sends the request has retried it for as long as a coordinator may be away.
    let answer = await deps.send(spec);
    if (isElsewhere(spec, answer)) {
      const received = await deps.direct.read(answer, spec.signal);
      if (received !== null) return Object.assign(received.read(), { bytes: received.bytes });
      spec = { ...given, direct: false };
      answer = await deps.send(spec);
    }
    let doubtful: Doubtful;
    try {
      const received = await receive(deps, spec, answer);
      if ('read' in received) return Object.assign(received.read(), { bytes: received.bytes });
      doubtful = received;
    } catch (thrown) {
      const error = DteError.from(thrown);
      // Cut off in the middle.
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
