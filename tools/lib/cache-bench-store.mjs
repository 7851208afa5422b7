// Part of `npm run bench -- cache`: a store of many entries, each time opened by a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from './clean-environment.mjs';
import { median } from './median.mjs';

const ENTRIES = 200_000;
/** The most that one question may have. */
const QUESTION = 50_000;
/** What the first eviction leaves; each run leaves this much less. */
const EVICTED = 20_000;

/** @returns {Promise<object>} what a process with this folder has measured */
async function inProcess(task) {
  const child = fork(new URL('./cache-bench-store-process.mjs', import.meta.url), {
    env: cleanEnvironment(process.env),
    execArgv: ['--expose-gc'],
  });
  child.send(task);
  const [result] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`The process of the store ended with code ${code}.`);
    }),
  ]);
  if (child.exitCode === null) await once(child, 'exit');
  return result;
}

/** @returns {Promise<{ startMs: number, askMs: number, evictMs: number, rssMb: number, bytesPerEntry: number }>} medians */
export async function storeBench({ runs, entries = ENTRIES, say }) {
  const folder = mkdtempSync(join(tmpdir(), 'dte-bench-store-'));
  try {
    const filled = await inProcess({ name: 'fill', folder, entries });
    say(
      `  ${entries} entries of 1 kB written in ${filled.fillMs.toFixed(0)} ms; the index has ${(filled.indexBytes / 1e6).toFixed(1)} MB`,
    );
    const empty = await inProcess({ name: 'open', folder: `${folder}/none`, question: 0 });
    const opened = [];
    for (let run = 0; run < runs; run++)
      opened.push(await inProcess({ name: 'open', folder, question: QUESTION }));
    const evicted = [];
    for (let run = 1; run <= runs; run++)
      evicted.push(await inProcess({ name: 'evict', folder, keep: entries - run * EVICTED }));
    const of = (name) => median(opened.map((each) => each[name]));
    const bytesPerEntry = ((of('rssMb') - empty.rssMb) * 1024 * 1024) / entries;
    const cpu = (ms) => `(processor time ${ms.toFixed(0)} ms)`;
    const took = (name) => `${of(`${name}Ms`).toFixed(0)} ms ${cpu(of(`${name}CpuMs`))}`;
    const pause = (name) => `${of(`${name}PauseMs`).toFixed(0)} ms`;
    say(
      `  opened in ${took('start')}, ${QUESTION} hashes asked in ${took('ask')}, as many misses in ${of('missMs').toFixed(0)} ms; ` +
        `longest pause of the event loop while opening ${pause('open')}, while asking ${pause('ask')}; medians of ${runs}`,
    );
    say(
      `  memory: ${of('rssMb').toFixed(0)} MB, ${empty.rssMb.toFixed(0)} MB without entries: ${bytesPerEntry.toFixed(0)} bytes an entry`,
    );
    const [evictMs, evictCpuMs] = ['evictMs', 'evictCpuMs'].map((name) =>
      median(evicted.map((each) => each[name])),
    );
    say(`  ${EVICTED} entries evicted, with their files, in ${evictMs.toFixed(0)} ms ${cpu(evictCpuMs)}`);
    return { startMs: of('startMs'), askMs: of('askMs'), evictMs, rssMb: of('rssMb'), bytesPerEntry };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
