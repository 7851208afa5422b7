import type { JournalEntry } from '@org/dte-testing';

/** Without colours. */
export const plain = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- escape sequences are what is removed
  text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '');

/** Our own lines in a main job's log. */
export const ownLines = (output: string): string[] =>
  plain(output)
    .split('\n')
    .filter((line) => line.trimStart().startsWith('dte:'));

/** Task id -> machines that ran it to the end, in order. */
export function ranOn(journal: readonly JournalEntry[]): Record<string, string[]> {
  const machines: Record<string, string[]> = {};
  for (const { id, what, machine } of journal) if (what === 'end') (machines[id] ??= []).push(machine);
  return machines;
}

/** Machines that ran at least one task. */
export const machinesOf = (journal: readonly JournalEntry[]): string[] =>
  [...new Set(journal.map(({ machine }) => machine))].sort();

/** The largest number of tasks that ran at the same time, on one machine or on all. */
export function mostAtOnce(journal: readonly JournalEntry[], machine?: string): number {
  let [running, most] = [0, 0];
  for (const entry of journal.filter((candidate) => machine === undefined || candidate.machine === machine)) {
    running += entry.what === 'start' ? 1 : -1;
    most = Math.max(most, running);
  }
  return most;
}

/** A log without everything that may differ between two equal runs: times, commits. The order of equal lines is kept. */
export const withoutTimes = (output: string): string =>
  plain(output)
    .replaceAll(/[0-9a-f]{40}/g, '<commit>')
    .replaceAll(/\(node:\d+\)/g, '(node)')
    .replaceAll(/<?\d+(\.\d+)?\s?(ms|s|m)\b/g, '<time>')
    // Which chain of tasks was the longest depends on milliseconds.
    .replaceAll(/(Critical path: .*)\(\d+ tasks?\)/g, '$1(<n> tasks)')
    .replaceAll(/\(\d+% of the run\)/g, '(<share> of the run)')
    .replaceAll(/[ \t]+$/gm, '');

/** The shape of one of our log lines, from an example in a document: up to `parts` parts, with other numbers. */
export function shapeOf(example: string, parts: number): RegExp {
  const head = example.split(' · ').slice(0, parts).join(' · ');
  const pattern = head.replaceAll(
    /(?<=session )\S+|(?:\d+ min )?\d+ s\b|\d+|(agent|slot|task)s/g,
    (found, noun?: string) => {
      if (noun !== undefined) return `${noun}s?`;
      if (found.endsWith(' s')) return '(?:\\d+ min )?\\d+ s';
      return /^\d+$/.test(found) ? '\\d+' : '\\S+';
    },
  );
  return new RegExp(`^${pattern}( · |$)`);
}
