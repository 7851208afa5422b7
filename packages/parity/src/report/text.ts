import { duration, plural } from '@org/dte-protocol';
import type { Difference } from '../compare/compare';
import { lineDiff } from '../compare/line-diff';
import { comparableText } from '../compare/same-file';
import type { ParityResult, Round } from '../run/result';
import type { SideRun } from '../run/side-run';
import { lastLines } from '../run/plan';
import { columns } from './columns';
import { conclude, describeFault, ranOnAgents } from './sentence';

/** Tasks, files and lines that the report shows. Not configurable: `--json` has all differences, and `--keep` keeps all files. */
const [TASKS_SHOWN, FILES_SHOWN] = [20, 5];
/** Lines of the difference of a log, and of a file. Not configurable, as above. */
const [LOG_LINES, FILE_LINES] = [20, 6];
/** Characters of a line that are shown. Not configurable, as above. */
const LINE_CHARS = 160;

/** Colours, or none. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly dim: (text: string) => string;
}

const short = (line: string): string => (line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)}…` : line);

/** The text of a report. */
class Report {
  constructor(
    private readonly result: ParityResult,
    private readonly paint: Paint,
  ) {}

  private diff(lines: readonly string[]): string[] {
    const { red, green, dim } = this.paint;
    return lines.map((line) => {
      const painted = line.startsWith('- ') ? red : line.startsWith('+ ') ? green : dim;
      return `      ${painted(short(line))}`;
    });
  }

  /** Both sides in a table. */
  private sides(round: Round): string[] {
    const { plain, distributed } = round;
    const onAgents = ranOnAgents(round);
    const others = (place: string): number =>
      [...round.places.values()].filter((one) => one === place).length;
    const tasks = (side: SideRun): string => String(Object.keys(side.observation.tasks).length);
    const failed = ({ observation }: SideRun): string =>
      String(Object.values(observation.tasks).filter(({ status }) => status === 'failure').length);
    const ratio = distributed.durationMs / Math.max(1, plain.durationMs);
    const places = [`${onAgents} on ${plural(this.result.agents, 'agent')}`];
    for (const [place, words] of [
      ['main', 'on the main job'],
      ['cache', 'from a cache'],
    ] as const)
      if (others(place) > 0) places.push(`${others(place)} ${words}`);
    const rows = [
      ['', 'plain', 'distributed', ''],
      [
        'time',
        duration(plain.durationMs),
        duration(distributed.durationMs),
        `${ratio.toFixed(2)} × the plain time; here, all agents share one machine`,
      ],
      ['exit code', String(plain.observation.exitCode), String(distributed.observation.exitCode), ''],
      ['tasks', tasks(plain), tasks(distributed), places.join(', ')],
      ['failed', failed(plain), failed(distributed), ''],
    ];
    const [head = '', ...lines] = columns(rows);
    const title = round.name === 'cold' ? 'First run' : 'Second run, with the caches of the first';
    return ['', this.paint.bold(title), this.paint.dim(head), ...lines];
  }

  private file(round: Round, { path = '', plain, distributed }: Difference): string[] {
    const [left, right] = [round.plain, round.distributed].map((side) => comparableText(path, side));
    const title = `    file ${path}`;
    if (typeof left === 'string' && typeof right === 'string' && left !== right)
      return [title, ...this.diff(lineDiff(left, right, FILE_LINES))];
    return [title, ...this.diff([`- ${plain}`, `+ ${distributed}`])];
  }

  private facts(round: Round, found: readonly Difference[]): string[] {
    const files = found.filter(({ aspect }) => aspect === 'file');
    const hidden = files.length - FILES_SHOWN;
    const facts = found.flatMap(({ task, aspect, plain, distributed }) => {
      if (aspect === 'file') return [];
      if (aspect !== 'terminal output')
        return [`    ${aspect}`, ...this.diff([`- ${plain}`, `+ ${distributed}`])];
      const [left, right] = [round.plain, round.distributed].map(
        ({ observation }) => observation.tasks[task]?.terminalOutput ?? '',
      );
      return ['    log', ...this.diff(lineDiff(left ?? '', right ?? '', LOG_LINES))];
    });
    return [
      ...facts,
      ...files.slice(0, FILES_SHOWN).flatMap((one) => this.file(round, one)),
      ...(hidden > 0 ? [this.paint.dim(`    … ${hidden} more files`)] : []),
    ];
  }

  /** Everything that differs in a task, or in the command. */
  private task(round: Round, id: string): string[] {
    const found = round.verdict.differences.filter(({ task }) => task === id);
    if (id === '')
      return [`  ${this.paint.bold('the command')}`, ...this.facts(round, found), ...this.ends(round)];
    const place = round.places.get(id) ?? '';
    const where = place === '' ? '' : ` (${place === 'main' ? 'on the main job' : place})`;
    return [`  ${this.paint.bold(id)}${where}`, ...this.facts(round, found)];
  }

  private ends({ plain, distributed }: Round): string[] {
    return [
      '    the plain run ended with',
      this.paint.dim(lastLines(plain.output)),
      '    the distributed run ended with',
      this.paint.dim(lastLines(distributed.output)),
    ];
  }

  private differences(round: Round): string[] {
    const { differences } = round.verdict;
    const ids = [...new Set(differences.map(({ task }) => task))];
    if (ids.length === 0) return [];
    const hidden = ids.length - TASKS_SHOWN;
    return [
      '',
      this.paint.bold(`What differs (${this.paint.red('- plain')}, ${this.paint.green('+ distributed')})`),
      ...ids.slice(0, TASKS_SHOWN).flatMap((id) => this.task(round, id)),
      ...(hidden > 0 ? [this.paint.dim(`  … ${hidden} more tasks`)] : []),
    ];
  }

  private notes({ verdict }: Round): string[] {
    const { differences, fault, unstable, uncompared } = verdict;
    const names = [
      ...new Set(
        unstable.map(
          ({ task, aspect, path }) => `${task} (${path ?? (aspect === 'terminal output' ? 'log' : aspect)})`,
        ),
      ),
    ];
    const hidden = names.length - TASKS_SHOWN;
    return [
      // If nothing differs, the last sentence says it.
      ...(fault === null || differences.length === 0 ? [] : ['', `${describeFault(fault)}.`]),
      ...(uncompared.length === 0
        ? []
        : [`Not compared, because plain Nx did not run it: ${uncompared.join(', ')}`]),
      ...(names.length === 0
        ? []
        : [
            '',
            'Not reproducible, and not counted: two plain runs differ there too',
            ...names.slice(0, TASKS_SHOWN).map((name) => `  ${name}`),
            ...(hidden > 0 ? [`  … ${hidden} more`] : []),
          ]),
    ];
  }

  text(): string {
    const { rounds } = this.result;
    const { sentence, exitCode } = conclude(this.result);
    const [cold] = rounds;
    const isIdle = cold !== undefined && exitCode !== 1 && ranOnAgents(cold) === 0;
    return [
      ...rounds.flatMap((round) => [...this.sides(round), ...this.differences(round), ...this.notes(round)]),
      ...(isIdle ? ['', 'The main job ended with', this.paint.dim(lastLines(cold.distributed.output))] : []),
      '',
      this.paint.bold(exitCode === 0 ? this.paint.green(sentence) : this.paint.red(sentence)),
      '',
    ].join('\n');
  }
}

/** The report for a terminal; its last line is the conclusion. */
export const reportText = (result: ParityResult, paint: Paint): string => new Report(result, paint).text();
