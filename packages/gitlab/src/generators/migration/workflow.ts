import { isMap, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { type Report } from '../workspace/report';
import { applySplices, insertAfterLine, lineNumber, lineStart, nextLine, type Splice } from '../text/splice';
import { contentEnd, findPair, indentOf, keyText, rangeOf, readYaml, startsLine } from '../text/yaml';
import { type Launcher } from './commands';
import { isInstall } from './move-start';
import { wordsFrom } from './words';

/*
 * The output of `nx g ci-workflow --ci=gitlab`: one job that runs the nx commands, with the vendor's part in comments
 * (or uncommented later), and agents that the vendor would start.
 */
const NX_COMMAND = /(?:^|[\s;&|])(?<launcher>npx|yarn|pnpm exec|bunx)?\s*\bnx (?:affected|run-many)\b/;
const VENDOR_COMMENT = /#.*(?:Nx Cloud|nx(?:-cloud)? (?:start-ci-run|start-nx-agents|record|fix-ci)\b)/;

/** Sentences of the generated file about the vendor's service, as in Nx 17 to 24. */
const GENERATED = [
  /This enables task distribution via Nx Cloud/,
  /Run this command as early as possible, before dependencies are installed/,
  /Configure Nx Agents and task distribution in/,
  /Learn more at https:\/\/(?:cloud\.)?nx\.(?:dev|app)\//,
  /Uncomment this line to enable task distribution/,
  /Connect your workspace by running "nx connect" and uncomment this/,
  /Prepend any command with "nx(?:-cloud)? record --"/,
  /^# (?:- )?\S.* nx(?:-cloud)? record -- echo Hello World/,
  /^# (?:- )?.*nx(?:-cloud)? (?:start-ci-run|start-nx-agents)\b/,
  /Nx Cloud recommends fixes for failures/,
];

/** The job's text with its comments, up to the next key of the file. */
function sourceOf(text: string, root: YAMLMap, job: Pair): string {
  const next = root.items[root.items.indexOf(job) + 1];
  return text.slice(rangeOf(job.key).start, next === undefined ? text.length : rangeOf(next.key).start);
}

const scriptItems = (job: Pair): Scalar[] => {
  const script = isMap(job.value) ? findPair(job.value, 'script')?.value : undefined;
  return isSeq(script) && script.flow !== true ? script.items.filter((item) => isScalar(item)) : [];
};

const isNxLine = (item: Scalar): boolean => NX_COMMAND.test(String(item.value));

/**
 * Names of the jobs from the vendor's generator: nx commands, and the vendor in comments or in `fix-ci`. Call this
 * before anything is rewritten.
 */
export function workflowJobs(text: string): string[] {
  const root = readYaml(text)?.root;
  if (!root) return [];
  return root.items
    .filter((job) => scriptItems(job).some(isNxLine))
    .filter((job) => {
      const source = sourceOf(text, root, job);
      return VENDOR_COMMENT.test(source) || /\bnx(?:-cloud)? fix-ci\b/.test(source);
    })
    .map(keyText);
}

/** The last target of a command line: `-t lint test build`, `--targets=lint,test`. */
export function lastTarget(command: string): string | null {
  const { words } = wordsFrom(command, 0);
  const at = words.findIndex(({ value }) => /^(?:-t|--targets?)(?:=|$)/.test(value));
  const word = words[at];
  if (word === undefined) return null;
  const list = word.value.includes('=') ? [word.value.slice(word.value.indexOf('=') + 1)] : [];
  for (const { value } of words.slice(at + 1)) {
    if (value.startsWith('-')) break;
    list.push(value);
  }
  return list.flatMap((value) => value.split(/[\s,]+/)).findLast((value) => value !== '') ?? null;
}

function commentSplices(text: string, source: string, from: number): Splice[] {
  const splices: Splice[] = [];
  for (let at = lineStart(text, from); at < from + source.length; at = nextLine(text, at)) {
    const line = text.slice(at, nextLine(text, at)).trim();
    if (line.startsWith('#') && GENERATED.some((sentence) => sentence.test(line))) {
      splices.push({ start: at, end: nextLine(text, at), text: '' });
    }
  }
  return splices;
}

export interface WorkflowJobs {
  /** For the file, as it is reported. */
  readonly path: string;
  /** For the jobs that the vendor's generator wrote. */
  readonly names: readonly string[];
  readonly launcher: Launcher;
  readonly report: Report;
}

/** Adds our `start-ci-run` to a job of the vendor's generator, below the install, and removes the vendor's comments. */
export function completeWorkflow(text: string, { path, names, launcher, report }: WorkflowJobs): string {
  const root = readYaml(text)?.root;
  if (!root) return text;
  const splices: Splice[] = [];
  // One main job: two in a pipeline must be separated by DTE_ENVIRONMENT, which only a person can name.
  let started = /\bdte start-ci-run\b/.test(text);
  for (const job of root.items.filter((pair) => names.includes(keyText(pair)))) {
    const source = sourceOf(text, root, job);
    const { start } = rangeOf(job.key);
    const comments = commentSplices(text, source, start);
    splices.push(...comments);
    const place = `${path}:${lineNumber(text, start)}`;
    if (comments.length > 0)
      report.change(place, `removed comments about the vendor's service from ${keyText(job)}`);
    if (started) continue;
    const items = scriptItems(job);
    const nx = items.findLast(isNxLine);
    const install = items.findLast((item) => isInstall(String(item.value)));
    const anchor = install ?? nx;
    if (nx === undefined || anchor === undefined || !startsLine(text, rangeOf(anchor).start)) continue;
    started = true;
    const program = NX_COMMAND.exec(String(nx.value))?.groups?.['launcher'] ?? launcher.run;
    const target = lastTarget(String(nx.value));
    const own = launcher.startFlags.filter((flag) => !flag.startsWith('--stop-agents-after='));
    const stop = target === null ? [] : [`--stop-agents-after=${target}`];
    const command = [program, 'dte start-ci-run --distribute-on=manual', ...stop, ...own].join(' ');
    const dash = indentOf(text, lineStart(text, rangeOf(anchor).start) + leading(text, anchor));
    report.change(place, `added \`${command}\` to ${keyText(job)}`);
    splices.push(
      install === undefined
        ? {
            start: lineStart(text, rangeOf(nx).start),
            end: lineStart(text, rangeOf(nx).start),
            text: `${dash}- ${command}\n`,
          }
        : insertAfterLine(text, contentEnd(install) - 1, [`${dash}- ${command}`]),
    );
  }
  return applySplices(text, splices);
}

/** Spaces before the dash of an entry. */
const leading = (text: string, item: Scalar): number =>
  /^[ \t]*/.exec(text.slice(lineStart(text, rangeOf(item).start)))?.[0].length ?? 0;
