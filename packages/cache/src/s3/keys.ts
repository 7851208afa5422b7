import { createHash } from 'node:crypto';
import type { CacheArea, EntryKind, EntryName } from '../port/shared-cache';

/**
 * The layout of a bucket, one folder for each entry:
 *
 *     <prefix>/v1/<issuer>/<project>/<scope>/<hash>/<kind>/data              the bytes; metadata: what is known about them
 *     <prefix>/v1/<issuer>/<project>/<scope>/<hash>/<kind>/m/<bytes>/<text>  empty; says the same in its name
 *
 * `data` is the entry: a conditional PUT of that one key decides which of two writers was first, and its bytes and metadata
 * cannot disagree. The second key costs a request when an entry is stored and saves one for every hit: a list of a scope then
 * answers any number of questions. Bytes are below the scope, never shared between scopes: whoever can write a key can replace
 * what everybody reads from it.
 */
const VERSION = 'v1';

/**
 * What all keys of staged bytes of a place begin with. Before the version, so that a lifecycle rule can be for all of them and for
 * nothing else: they are of use as long as their session.
 */
export const stagedKey = (prefix: string, place: string): string =>
  `${prefix === '' ? '' : `${prefix}/`}staged/${VERSION}/${segment(place)}/`;

/** Of S3. */
const MAX_KEY_BYTES = 1_024;
/** Of a segment: servers that keep objects as files add a suffix, and file systems allow 255. */
const MAX_SEGMENT = 200;
/** Half of the digest of an issuer, in hex: the address itself would need escapes in bucket policies. */
const ISSUER_DIGITS = 32;

/** A name as one segment of letters that policies, addresses and file systems take as they are. No two names have the same. */
function segment(name: string): string {
  const text = name.replace(/[^A-Za-z0-9_-]/gu, (letter) =>
    [...Buffer.from(letter)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return text !== '' && text.length <= MAX_SEGMENT
    ? text
    : `==${createHash('sha256').update(name).digest('hex')}`;
}

/** What all keys of a project begin with. */
export function projectKey(
  prefix: string,
  { issuer, projectId }: Pick<CacheArea, 'issuer' | 'projectId'>,
): string {
  const digest = createHash('sha256').update(issuer).digest('hex').slice(0, ISSUER_DIGITS);
  return `${prefix === '' ? '' : `${prefix}/`}${VERSION}/${digest}/${segment(projectId)}/`;
}

/** What all keys of an area begin with. */
export const areaKey = (prefix: string, area: CacheArea): string =>
  `${projectKey(prefix, area)}${segment(area.scope)}/`;

/** An entry below its area; also its name in lists. */
export const entryPath = ({ hash, kind }: EntryName): string => `${segment(hash)}/${kind}/`;

export const dataKey = (folder: string): string => `${folder}data`;

/** Null if it would be longer than a key may be: then the entry is found by name only. */
export function markKey(folder: string, bytes: number, text: string): string | null {
  const segments = text.match(new RegExp(`.{1,${MAX_SEGMENT}}`, 'g')) ?? [];
  const key = `${folder}m/${bytes}/${segments.join('/')}`;
  return Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : null;
}

/** What the second key of an entry says. */
export interface Mark {
  readonly bytes: number;
  readonly text: string;
}

/** A key below a project or an area, taken apart. */
export interface KeyParts {
  /** The key up to the entry, as `dataKey` takes it. */
  readonly folder: string;
  readonly kind: EntryKind;
  /** Null for `data`. */
  readonly mark: Mark | null;
}

const KEY = /^(.*\/(cache|terminal)\/)(?:data|m\/(\d{1,16})\/([A-Za-z0-9_/-]+))$/;

/** Null for a key that is none of ours. */
export function partsOfKey(key: string): KeyParts | null {
  const [, folder, kind, bytes, text] = KEY.exec(key) ?? [];
  if (folder === undefined || kind === undefined) return null;
  const mark =
    bytes === undefined || text === undefined
      ? null
      : { bytes: Number(bytes), text: text.replaceAll('/', '') };
  return { folder, kind: kind as EntryKind, mark };
}
