/** Bounds of the adapter. Not configurable: the budget of a question and the breaker are `GuardedCache`'s, and configurable there. */

const MiB = 1024 * 1024;

/** Time for a TCP and TLS connection. A bucket that takes longer is away; the SDK tries again on another connection. */
const CONNECT_MS = 5_000;
/** Silence on a connection, also in the middle of a body. Some servers assemble a large multipart upload for a while before they answer. */
const IDLE_MS = 30_000;
/** Attempts of one request, the first included; the SDK's own default. */
export const ATTEMPTS = 3;
/** Requests at a time for questions, pages and deletions. A bucket answers thousands a second; this keeps our own connections few. */
export const PARALLEL_REQUESTS = 32;
/** Connections in all: those requests, the parts of uploads, and open downloads. */
export const CONNECTIONS = 128;

/** The smallest part that S3 accepts. 10,000 parts of this are 48 GiB, ten times the largest artifact. */
export const PART_BYTES = 5 * MiB;
/** Parts of one upload that are under way. */
export const PARALLEL_PARTS = 2;
/** Uploads at a time. Each holds its parts under way and one that is filled: 4 x 3 x 5 MiB in memory at most. */
export const PARALLEL_UPLOADS = 4;
/** Uploads that wait for their turn. Each holds an open source of its bytes. */
export const WAITING_UPLOADS = 256;

/** Questions of this many names or fewer are asked by name: about two round trips, in which a list gets two pages. */
export const FEW_NAMES = 64;
/** Age of a list that is still used: what was stored since then is a miss, what was removed fails when it is read. */
export const LIST_MS = 60_000;
/** Characters of metadata in lists that are kept, all together: about 250,000 entries. */
export const LIST_CHARS = 64 * MiB;
/** Keys in one page of a list; S3 has no larger ones. */
export const PAGE_KEYS = 1_000;
/** Pages of a list that is kept, two keys an entry. A scope with more is asked by name. */
export const LIST_PAGES = 1_000;

/** A presigned address is used at once; a download that has begun may take longer. */
export const PRESIGNED_MS = 300_000;
/** What every server takes in one request and copies in one: 5 GiB are S3's limit, and R2's is 5 MiB below. */
export const STAGED_BYTES = 5_000_000_000;
/** How long `close` waits for uploads that are being aborted. The rest is left to the bucket's lifecycle rule. */
export const CLOSE_MS = 5_000;
/** When the SDK is loaded, unless it is needed sooner: after the process has told its address, before the first question as a rule. */
export const LOAD_AFTER_MS = 500;

/** How long the adapter waits for a bucket; another one only in specs. */
export interface Patience {
  readonly connectMs: number;
  readonly idleMs: number;
  readonly attempts: number;
}

export const PATIENCE: Patience = { connectMs: CONNECT_MS, idleMs: IDLE_MS, attempts: ATTEMPTS };
