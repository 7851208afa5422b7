import { mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@org/dte-testing';
import { TARGETS } from '../fuzz';
import type { Running, Target } from '../fuzz/target';

/** Cases of one target, `to` excluded. */
interface Part {
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** What tools/fuzz.mjs asks of a worker. */
interface Order {
  /** Null: which targets are there? */
  readonly parts: readonly Part[] | null;
  readonly seed: number;
  readonly batch: number;
  readonly folder: string;
  /** A file that says which case of which part runs, and since when: it is watched from outside. */
  readonly clock: string;
}

const BETWEEN = -1;
/** Of the input of a case, in a report. */
const SHOWN_BYTES = 1_500;

const order = JSON.parse(process.argv[2] ?? '') as Order;
const clock = openSync(order.clock, 'r+');
const tell = (message: object): void => void process.send?.(message);

let part = 0;

/** Three numbers: the case, the time of its begin in ms, and the part. */
function setClock(index: number): void {
  const bytes = Buffer.alloc(24);
  bytes.writeDoubleLE(index, 0);
  bytes.writeDoubleLE(Date.now(), 8);
  bytes.writeDoubleLE(part, 16);
  writeSync(clock, bytes, 0, bytes.length, 0);
}

/** The same seed, target and number give the same case, whatever ran before. */
function seedOf(target: string, index: number): number {
  let mixed = order.seed >>> 0;
  for (const char of `${target} ${index}`) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return mixed;
}

function shown(input: string | Buffer): string {
  const bytes = Buffer.from(input as string);
  const cut = bytes.subarray(0, SHOWN_BYTES);
  const rest = bytes.length > cut.length ? ` ... (${bytes.length} bytes)` : '';
  return typeof input === 'string' ? JSON.stringify(cut.toString('utf8')) + rest : `base64 ${cut.toString('base64')}${rest}`;
}

async function runCase(target: Target, running: Running, index: number): Promise<void> {
  let input: string | Buffer = '';
  setClock(index);
  try {
    await running.attempt(seededRandom(seedOf(target.name, index)), (given) => (input = given));
  } catch (thrown) {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    tell({ kind: 'crash', part, index, error, input: shown(input) });
  }
  setClock(BETWEEN);
}

async function check(running: Running, index: number): Promise<void> {
  try {
    await running.check?.();
  } catch (thrown) {
    tell({ kind: 'crash', part, index, error: `After the batch: ${String(thrown)}`, input: '' });
  }
}

async function run(target: Target, { from, to }: Part): Promise<void> {
  const folder = join(order.folder, target.name);
  mkdirSync(folder, { recursive: true });
  const running = await target.open(folder);
  for (let index = from; index < to; index++) {
    await runCase(target, running, index);
    const isLast = index === to - 1;
    if ((index + 1) % order.batch === 0 || isLast) {
      await check(running, index);
      tell({ kind: 'progress', part, done: index + 1 });
    }
  }
  await running.close?.();
  tell({ kind: 'end', part });
}

async function main(): Promise<void> {
  const { parts } = order;
  if (parts === null) {
    tell({ kind: 'targets', targets: TARGETS.map(({ name, share, caseMs }) => ({ name, share, caseMs })) });
    return;
  }
  for (part = 0; part < parts.length; part++) {
    setClock(BETWEEN);
    const wanted = parts[part];
    const target = TARGETS.find(({ name }) => name === wanted?.target);
    if (wanted === undefined || target === undefined) throw new Error('There is no such target.');
    await run(target, wanted);
  }
}

// Also of a campaign that was killed nothing is left.
process.once('disconnect', () => process.exit());
void main().then(() => process.disconnect());
