import { createHash, timingSafeEqual } from 'node:crypto';
import { TRUSTED } from '@org/dte-cache';
import { DteError } from '@org/dte-protocol';
import type { FileSystem } from '../files/file-system';
import type { ReadGrant } from './cache-grant';

/** How the option is named in messages. */
const WHERE = 'option cacheReadTokenFile, DTE_CACHE_READ_TOKEN_FILE';
const LINE = /^([0-9]{1,20})[ \t]+([\x21-\x7e]{32,512})$/;

interface ReadToken {
  readonly projectId: string;
  /** SHA-256. */
  readonly digest: Buffer;
}

export interface CacheReadersDeps {
  /** Lines `<project id> <token>`; empty ones and those that begin with `#` are ignored. */
  readonly file: string;
  /** The instance of these projects. */
  readonly issuer: string;
  readonly fs: Pick<FileSystem, 'readFile' | 'stat'>;
  /** The file was read again, or could not be. */
  readonly say: (line: string) => void;
}

/**
 * People whose machine may read what the trusted pipelines of a project have stored, and do nothing else. Their tokens are in a
 * file that is read again when it changes. While it cannot be read or has an error, nobody is let in: a line that was removed from
 * it may be the one that somebody else should not have.
 */
export class CacheReaders {
  private stamp: string;
  private reading: Promise<void> = Promise.resolve();

  private constructor(
    private readonly deps: CacheReadersDeps,
    private tokens: readonly ReadToken[],
    stamp: string,
  ) {
    this.stamp = stamp;
  }

  /** @throws DteError DTE_BAD_CONFIG */
  static async open(deps: CacheReadersDeps): Promise<CacheReaders> {
    const stamp = await stampOf(deps);
    return new CacheReaders(deps, await readTokens(deps), stamp);
  }

  /** What a bearer token may read; null: it is none of these. */
  async find(token: string): Promise<ReadGrant | null> {
    await (this.reading = this.reading.then(() => this.refresh()));
    const digest = digestOf(token);
    let projectId: string | null = null;
    // All of them, so that the time tells nothing about which is near.
    for (const each of this.tokens) if (timingSafeEqual(each.digest, digest)) projectId = each.projectId;
    return projectId === null ? null : { access: { issuer: this.deps.issuer, projectId, read: [TRUSTED] } };
  }

  private async refresh(): Promise<void> {
    const stamp = await stampOf(this.deps).catch(() => 'unreadable');
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    try {
      this.tokens = await readTokens(this.deps);
      this.deps.say(`The tokens of readers of the shared cache were read again: ${this.tokens.length}.`);
    } catch (thrown) {
      this.tokens = [];
      this.deps.say(`${DteError.from(thrown).message} Until then, no reader of the shared cache is let in.`);
    }
  }
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

const bad = (file: string, why: string, cause?: unknown): DteError =>
  new DteError('DTE_BAD_CONFIG', `The file ${file} (${WHERE}) ${why}.`, cause === undefined ? {} : { cause });

/** Differs as soon as the file is another or has other content. */
async function stampOf({ file, fs }: CacheReadersDeps): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await fs.stat(file);
    return [ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (cause) {
    throw bad(file, 'cannot be read', cause);
  }
}

/** Messages name the line and never what it contains. */
async function readTokens({ file, fs }: CacheReadersDeps): Promise<ReadToken[]> {
  let text: string;
  try {
    text = (await fs.readFile(file)).toString('utf8');
  } catch (cause) {
    throw bad(file, 'cannot be read', cause);
  }
  const tokens = new Map<string, ReadToken>();
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, projectId, token] = LINE.exec(content) ?? [];
    if (projectId === undefined || token === undefined)
      throw bad(file, `has no project id and token of 32 to 512 characters in line ${index + 1}`);
    const digest = digestOf(token);
    if (tokens.has(digest.toString('hex'))) throw bad(file, `has a token a second time in line ${index + 1}`);
    tokens.set(digest.toString('hex'), { projectId, digest });
  }
  return [...tokens.values()];
}
