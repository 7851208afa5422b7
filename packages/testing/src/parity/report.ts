import { columns, type Difference } from '@org/dte-parity';
import type { ParityReport, Round } from './parity-bench';

/** How many files of one task are listed; if ten thousand are missing, these are enough. */
const FILES_SHOWN = 5;

const describeTask = (round: Round, id: string): string[] => {
  const say = (facts: Round['plain']['tasks'][string] | undefined): string =>
    facts === undefined ? '-' : `${facts.status} (${String(facts.code)})`;
  const files = Object.keys(round.plain.tasks[id]?.files ?? {}).length;
  const count = round.differences.filter(({ task }) => task === id).length;
  return [
    id,
    say(round.plain.tasks[id]),
    say(round.distributed.tasks[id]),
    round.places[id] ?? '-',
    String(files),
    count === 0 ? 'same' : `${count} differ`,
  ];
};

const describeDifference = ({ task, aspect, path, plain, distributed }: Difference): string[] => [
  `  ${task === '' ? 'command' : task}: ${aspect}${path === undefined ? '' : ` ${path}`}`,
  `    plain        ${plain}`,
  `    distributed  ${distributed}`,
];

function describeDifferences(differences: readonly Difference[]): string[] {
  const files: Record<string, number> = {};
  const shown = differences.filter(({ task, aspect }) => {
    if (aspect !== 'file') return true;
    files[task] = (files[task] ?? 0) + 1;
    return files[task] <= FILES_SHOWN;
  });
  const hidden = differences.length - shown.length;
  return [...shown.flatMap(describeDifference), ...(hidden > 0 ? [`  and ${hidden} files more`] : [])];
}

function describeRound(round: Round): string[] {
  const ids = [
    ...new Set([...Object.keys(round.plain.tasks), ...Object.keys(round.distributed.tasks)]),
  ].sort();
  const head = ['task', 'plain', 'distributed', 'on', 'files', ''];
  return [
    `${round.name}: exit code ${round.plain.exitCode} plain, ${round.distributed.exitCode} distributed`,
    ...columns([head, ...ids.map((id) => describeTask(round, id))]),
    ...describeDifferences(round.differences),
    ...(round.ignored.length > 0
      ? [`Not counted, because two plain runs differ as well or it was asked for: ${round.ignored.length}`]
      : []),
  ];
}

/** A table per round, and the differences as text. */
export const describeReport = (report: ParityReport): string =>
  [`nx ${report.command.join(' ')}`, ...report.rounds.flatMap((round) => ['', ...describeRound(round)])].join(
    '\n',
  );
