// What `npm run bench -- scale` is asked for: one scenario several times, BullMQ in turn with it, or growth.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { median } from './median.mjs';
import { BullMq, besideBullMq } from './scale-bullmq.mjs';
import { growth } from './scale-growth.mjs';
import { scale } from './scale.mjs';

/** Numbers as medians over the runs, the rest from the first. */
function mediansOf(results) {
  const [first] = results;
  return Object.fromEntries(
    Object.entries(first).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(median(results.map((each) => each[key])).toFixed(1)) : value,
    ]),
  );
}

function optionsOf({ flags, count, say }) {
  const profile = flags.profile === undefined ? undefined : resolve(flags.profile);
  if (profile) mkdirSync(profile, { recursive: true });
  const [agents, rate, seconds] = [count('agents', 1000, 1), count('rate', 0), count('seconds', 20, 1)];
  const kill = count('kill', 0) > 0;
  if (kill && rate > 0) throw new Error('--kill and --rate cannot be combined.');
  if (flags.beside !== undefined && flags.beside !== 'bullmq') throw new Error('--beside requires bullmq.');
  // With a rate: enough that no agent runs out of tasks before the end, each holds up to three.
  const tasks = count('tasks', rate > 0 ? rate * seconds + 4 * agents : 20_000, 1);
  if (rate > 0 && tasks < rate * seconds + 3 * agents)
    throw new Error(
      `--rate=${rate} for ${seconds} s requires at least ${rate * seconds + 3 * agents} --tasks.`,
    );
  const [taskMs, artifacts] = [count('length', 0), count('artifacts', 1) > 0];
  return { agents, tasks, taskMs, artifacts, kill, rate, seconds, profile, say };
}

/** @param {{ flags: Record<string, string | undefined>, count: (name: string, fallback: number, least?: number) => number,
 *   machine: string, say: (text: string) => void }} asked */
export async function scaleModes({ flags, count, machine, say }) {
  const options = optionsOf({ flags, count, say });
  const runs = count('runs', 1, 1);
  if (count('growth', 0) > 0) {
    say(`scale: growth, ${machine}`);
    return growth(options);
  }
  say(`scale: ${options.agents} agents, ${options.tasks} tasks, ${machine}, ${runs} runs`);
  const other = flags.beside === undefined ? undefined : new BullMq(say);
  try {
    if (other) say(`  beside: ${Object.entries(other.versions).flat().join(' ')}`);
    const [ours, theirs] = [[], []];
    for (let run = 1; run <= runs; run++) {
      ours.push(await scale(options));
      if (other) theirs.push(await besideBullMq(other, options));
    }
    return {
      ...mediansOf(ours),
      ...(runs > 1 && { runs }),
      ...(other && { bullmq: { ...other.versions, ...mediansOf(theirs) } }),
    };
  } finally {
    other?.close();
  }
}
