import { LEAN_RUN_TASKS, type RunSpec } from '@org/dte-protocol';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress } from 'node:zlib';
import { withoutHashes } from './cut-tasks';

/** How many are kept. No limit: some 100 kB each, and who finds none gets the whole spec. */
const MOST_KEPT = 8;

/** Of 20,000 tasks without hashes: 201 kB at level 4, 170 kB at 5, the same above. No limit. */
const LEVEL = 5;
/** As in run-specs.ts. */
const WINDOW_BITS = 22;

/**
 * Specs of large runs as agents get them, with brotli: without hashes, of which an agent is told those that it needs with each
 * assignment. They cannot be compressed, and are two thirds of what a thousand agents would download at the moment at which all of them
 * wait for their first task. Only in memory: after a restart, an agent that comes new gets the whole spec.
 */
export class LeanSpecs {
  /** The latest last. */
  private readonly kept = new Map<string, Promise<Buffer | null>>();

  /** @param raw what has been accepted as the JSON of `spec` */
  add(spec: RunSpec, raw: Buffer): void {
    if (!isLean(spec)) return;
    this.kept.delete(spec.runId);
    // The whole spec does as well.
    const packing = pack(raw).catch(() => null);
    this.kept.set(spec.runId, packing);
    for (const oldest of this.kept.keys()) if (this.kept.size > MOST_KEPT) this.kept.delete(oldest);
  }

  /** Null: agents get the whole spec. */
  async of(runId: string): Promise<Buffer | null> {
    return (await this.kept.get(runId)) ?? null;
  }

  removeClosed(isClosed: (runId: string) => boolean): void {
    for (const runId of [...this.kept.keys()]) if (isClosed(runId)) this.kept.delete(runId);
  }
}

/** Agents record the tasks of smaller runs in Nx's database at once, with their hashes. The graph of a batch has all tasks of its run. */
const isLean = ({ tasks }: RunSpec): boolean =>
  tasks.length > LEAN_RUN_TASKS && tasks.every(({ batch }) => batch === undefined);

async function pack(raw: Buffer): Promise<Buffer> {
  const packer = createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: LEVEL,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  });
  const packed: Buffer[] = [];
  const pieces = Readable.from(withoutHashes(raw), { objectMode: false });
  await pipeline(pieces, packer, async (output: AsyncIterable<Buffer>) => {
    for await (const chunk of output) packed.push(chunk);
  });
  return Buffer.concat(packed);
}
