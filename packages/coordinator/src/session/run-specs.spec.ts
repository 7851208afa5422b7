import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  promises,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gzipSync } from 'node:zlib';
import { LIMITS } from '@org/dte-protocol';
import { createState, type Input, isClosed, type SchedulerState, step } from '@org/dte-scheduler';
import { runSpec, taskSpec } from '@org/dte-testing';
import type { FileSystem } from '../files/file-system';
import { FileJournalStore } from '../journal/file-journal';
import type { Journal } from '../journal/journal';
import { Compaction } from './compaction';
import { fromJournal, toJournal } from './journaled-input';
import { RunSpecStore } from './run-specs';
import { decodeSnapshot, encodeSnapshot } from './snapshot';
import { CONFIG } from './test-support/config';

const HEADER = { version: 1, sessionId: 's1', config: CONFIG } as const;

const submit = (runId: string): Input => ({
  type: 'run.submit',
  spec: runSpec(runId, [taskSpec('app:build')]),
});
const close = (runId: string): Input => ({
  type: 'main.sync',
  sync: { type: 'main.sync', runId, ackSeq: 0, want: 'close' },
});
/** One of the runs is closed before the first compaction, one after it, and one never. */
const INPUTS = [submit('r1'), submit('r2'), close('r1'), submit('r3'), close('r2')];

/** Crashes at the change of this number: the process, or the machine with all that its disk did not have for certain. */
function crashing(at: number, crashes: 'process' | 'machine'): FileSystem {
  let changes = 0;
  let isDead = false;
  let undo: (() => void) | null = null;
  const change = async <T>(perform: () => Promise<T>): Promise<T> => {
    changes += 1;
    if (changes === at && crashes === 'machine') undo?.();
    isDead ||= changes === at;
    if (isDead) throw new Error('crashed');
    return perform();
  };
  const open: FileSystem['open'] = async (path, ...rest) => {
    const handle = await promises.open(path, ...rest);
    const [writeFile, sync] = [handle.writeFile.bind(handle), handle.sync.bind(handle)];
    const [truncate, datasync] = [handle.truncate.bind(handle), handle.datasync.bind(handle)];
    handle.truncate = (length) => change(() => truncate(length));
    handle.datasync = () => change(datasync);
    handle.writeFile = (data, options) => change(() => writeFile(data, options));
    handle.sync = async () => {
      await change(sync);
      undo = null;
    };
    return handle;
  };
  const rename: FileSystem['rename'] = (from, to) => {
    const before = String(to).endsWith('journal.jsonl') && existsSync(to) ? readFileSync(to) : null;
    return change(async () => {
      await promises.rename(from, to);
      if (before !== null) undo = () => writeFileSync(to, before);
    });
  };
  const rm: FileSystem['rm'] = (...args) => change(() => promises.rm(...args));
  return { ...promises, open, rename, rm };
}

describe('the specs of closed runs', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-run-specs-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  async function begin(fs: FileSystem) {
    const journal = await new FileJournalStore(root, { fs, fsync: true }).open(HEADER);
    const specs = new RunSpecStore(fs, join(root, 's1'), LIMITS.runSpecBytes.value);
    const snapshot = await journal.snapshot();
    const state =
      snapshot === null ? createState(CONFIG, 's1') : (await decodeSnapshot(snapshot, 'folder')).state;
    for await (const entry of journal.replay())
      step(state, await fromJournal(entry, async (runId) => (await specs.read(runId)).spec), entry.atMs);
    return { journal, specs, state };
  }

  async function live(
    { journal, specs, state }: { journal: Journal; specs: RunSpecStore; state: SchedulerState },
    inputs: readonly Input[],
  ): Promise<void> {
    const compaction = new Compaction({
      journal,
      limits: { journalTailBytes: 1, journalTailFactor: 0 },
      take: () =>
        encodeSnapshot({
          state,
          forwarding: { expected: new Set(), over: new Set() },
          log: { agents: new Map(), runs: new Map() },
        }),
      release: () => specs.removeClosed((runId) => isClosed(state, runId)),
      onCompacted: () => undefined,
      onFailed: (error) => {
        throw error;
      },
    });
    for (const input of inputs) {
      if (input.type === 'run.submit')
        await specs.save(input.spec.runId, Buffer.from(JSON.stringify(input.spec)));
      await journal.append([{ atMs: 1_000, input: toJournal(input) }]);
      step(state, input, 1_000);
      // Often enough, and not between the submission of a run and its end.
      if (input.type === 'main.sync') await compaction.run();
    }
  }

  const stored = (): string[] => readdirSync(join(root, 's1', 'runs')).sort();

  it('are removed by the next compaction, and those of open runs are not', async () => {
    const life = await begin(promises);
    await live(life, INPUTS);
    expect(stored()).toEqual(['r3.json.br']);
    await life.journal.close();
  });

  it('are removed later if they cannot be removed now', async () => {
    const rm: FileSystem['rm'] = () => Promise.reject(new Error('EBUSY'));
    const life = await begin({
      ...promises,
      rm: (path, options) => (path === `${root}/s1/runs/r1.json.br` ? rm(path) : promises.rm(path, options)),
    });
    await live(life, INPUTS);
    await life.journal.close();
    expect(stored()).toEqual(['r1.json.br', 'r3.json.br']);
    const again = await begin(promises);
    await live(again, [close('r3')]);
    await again.journal.close();
    expect(stored()).toEqual([]);
  });

  it.each(['process', 'machine'] as const)(
    'are there for every restart that needs them, wherever the %s crashes',
    async (crashes) => {
      let isDone = false;
      let at = 0;
      while (!isDone && at < 200) {
        at += 1;
        rmSync(join(root, 's1'), { recursive: true, force: true });
        const opened: Journal[] = [];
        try {
          const life = await begin(crashing(at, crashes));
          opened.push(life.journal);
          await live(life, INPUTS);
          isDone = true;
        } catch (thrown) {
          expect((thrown as Error).message).toContain('crashed');
        }
        const after = await begin(promises);
        opened.push(after.journal);
        // Whatever was open goes on: its executors still fetch the spec.
        for (const [runId, { closed }] of after.state.runs)
          if (!closed) expect((await after.specs.read(runId)).spec.runId).toBe(runId);
        for (const journal of opened) await journal.close();
      }
      expect(isDone).toBe(true);
      expect(at).toBeGreaterThan(20);
    },
  );
});

describe('a packed spec', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-packed-specs-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  const RAW = Buffer.from(JSON.stringify(runSpec('r1', [taskSpec('app:build')])));
  const counting = () => {
    let reads = 0;
    const readFile = ((...args: Parameters<typeof promises.readFile>) => {
      reads += 1;
      return promises.readFile(...args);
    }) as FileSystem['readFile'];
    return { fs: { ...promises, readFile }, reads: () => reads };
  };

  it('is packed once and sent from memory to any number of agents, and read once after a restart', async () => {
    const { fs, reads } = counting();
    const store = new RunSpecStore(fs, root, LIMITS.runSpecBytes.value);
    await store.save('r1', RAW);
    const sent = await store.packed('r1');
    expect(brotliDecompressSync(sent!.bytes)).toEqual(RAW);
    expect((await store.packed('r1'))!.bytes).toBe(sent!.bytes);
    expect(reads()).toBe(0);
    const restarted = new RunSpecStore(fs, root, LIMITS.runSpecBytes.value);
    expect((await restarted.read('r1')).spec.runId).toBe('r1');
    expect(await restarted.packed('r1')).toEqual(sent);
    expect(reads()).toBe(1);
  });

  it('of a closed run is not kept in memory either', async () => {
    const store = new RunSpecStore(promises, root, LIMITS.runSpecBytes.value);
    await store.save('r1', RAW);
    expect(await store.removeClosed(() => true)).toBe(1);
    expect(await store.packed('r1')).toBeNull();
  });

  it('of version 0.1.0 is read, sent and removed', async () => {
    mkdirSync(join(root, 'runs'));
    writeFileSync(join(root, 'runs', 'r1.json.gz'), gzipSync(RAW));
    const store = new RunSpecStore(promises, root, LIMITS.runSpecBytes.value);
    expect((await store.read('r1')).spec.runId).toBe('r1');
    expect(await store.packed('r1')).toMatchObject({ encoding: 'gzip' });
    expect(await store.removeClosed(() => true)).toBe(1);
    expect(readdirSync(join(root, 'runs'))).toEqual([]);
  });
});
