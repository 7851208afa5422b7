import { readHashInput, type HashInput } from '@org/dte-nx-compat';
import { plural } from '@org/dte-protocol';
import type { Miss } from '@org/dte-report';
import type { ChangedFile } from './changed-files';
import type { Difference } from './compare-inputs';
import { changedPackages } from './changed-packages';

type Packages = Readonly<Record<string, string>>;

/** What is known about the two commands that are compared. */
export interface BothCommands {
  /** Files that differ; null: unknown. */
  readonly files: readonly ChangedFile[] | null;
  readonly packagesThen: Packages;
  readonly packagesNow: Packages;
  readonly rootOf: (project: string) => string | undefined;
  /** Those of these paths that the patterns of an input match. */
  readonly match: (patterns: readonly string[], paths: readonly string[]) => readonly string[];
}

/** A task that another one depends on, and that ran in the same command. */
export interface Ran {
  readonly taskId: string;
  /** Why it had to run; null: unknown. */
  readonly cause: string | null;
}

/** Inputs that are named. Not configurable: it is only text of a message. */
const MOST_INPUTS = 10;
/** Inputs that the sentence names. Not configurable: it is only text of a message. */
const MOST_IN_SENTENCE = 2;

interface Named {
  readonly kind: HashInput['kind'];
  readonly text: string;
}

/** What people know least about comes first, and what is rather an effect than a cause last. */
const ORDER: readonly HashInput['kind'][] = [
  'env',
  'runtime',
  'external',
  'files',
  'tsconfig',
  'project',
  'command',
  'other',
  'dependency-outputs',
];

/**
 * Why a task ran, from the inputs that differ from those of its nearest known run.
 * @param ran what it depends on and ran in the same command
 */
export function describeMiss(
  differing: readonly Difference[],
  both: BothCommands,
  ran: readonly Ran[],
): Miss {
  if (differing.length === 0)
    return {
      kind: 'unknown',
      text: 'its hash differs, and Nx names no input that does (a custom hasher tells only its result)',
      inputs: [],
    };
  const inputs = differing.map(({ name, side }) => ({ side, input: readHashInput(name, both.rootOf) }));
  const isOutputs = ({ input }: (typeof inputs)[number]): boolean => input.kind === 'dependency-outputs';
  const named = inputs
    .filter((each) => !isOutputs(each))
    .flatMap(({ input, side }) => name(input, side, both));
  const outputs = inputs.some(isOutputs) ? outputsText(inputs, ran) : null;
  if (named.length === 0 && outputs !== null)
    return { kind: 'dependency', text: outputs.text, inputs: outputs.inputs };
  const texts = unique([
    ...named.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)).map(({ text }) => text),
    ...(outputs === null ? [] : [outputs.text]),
  ]);
  return { kind: 'changed', text: sentence(texts), inputs: texts.slice(0, MOST_INPUTS) };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

function sentence(texts: readonly string[]): string {
  const more = texts.length - MOST_IN_SENTENCE;
  const first = texts.slice(0, MOST_IN_SENTENCE).join('; ');
  return more > 0 ? `${first}; and ${plural(more, 'more input')}` : first;
}

/** The cause first: it is what the tasks below have in common. */
function outputsText(
  inputs: readonly { readonly input: HashInput }[],
  ran: readonly Ran[],
): { text: string; inputs: string[] } {
  const [first, ...others] = ran;
  if (first === undefined) {
    const patterns = inputs.flatMap(({ input }) =>
      input.kind === 'dependency-outputs' ? [input.pattern] : [],
    );
    const text = `outputs of its dependencies differ (${unique(patterns).join(', ')})`;
    return { text, inputs: [text] };
  }
  const { taskId, cause } = ran.find((each) => each.cause !== null) ?? first;
  const more = others.length === 0 ? '' : ` and of ${plural(others.length, 'other task')}`;
  const outputs = `outputs of ${taskId}${more} differ`;
  return cause === null
    ? { text: outputs, inputs: [outputs] }
    : { text: `${outputs} (${taskId}: ${cause})`, inputs: [cause, outputs] };
}

function name(input: HashInput, side: Difference['side'], both: BothCommands): Named[] {
  const { kind } = input;
  const named = (...texts: string[]): Named[] => texts.map((text) => ({ kind, text }));
  switch (input.kind) {
    case 'env':
      return named(`environment variable ${input.name} differs`);
    case 'runtime':
      return named(`\`${input.command}\` prints something else`);
    case 'external':
      return named(...externalTexts(input.name, side, both));
    case 'files':
      return named(filesText(input.patterns, side, both));
    case 'project':
      return named(
        configurationText(`configuration of project ${input.project} differs`, input.patterns, both),
      );
    case 'tsconfig':
      return named(configurationText('TypeScript configuration differs', input.patterns, both));
    case 'command':
      return named('options or arguments of the task differ');
    case 'dependency-outputs':
      return named(`outputs of its dependencies differ (${input.pattern})`);
    case 'other':
      return named(`${input.name} differs`);
  }
}

function externalTexts(name: string, side: Difference['side'], both: BothCommands): string[] {
  const texts = changedPackages(name, both.packagesThen, both.packagesNow);
  if (texts.length > 0) return texts;
  if (side === 'both') return [`package ${name} differs, in the same version`];
  return [side === 'now' ? `package ${name} is a new input` : `package ${name} is no input any more`];
}

function matching(patterns: readonly string[], { files, match }: BothCommands): ChangedFile[] {
  const paths = (files ?? []).flatMap(({ path, from }) => (from === null ? [path] : [path, from]));
  const matched = new Set(match(patterns, paths));
  return (files ?? []).filter(({ path, from }) => matched.has(path) || (from !== null && matched.has(from)));
}

function configurationText(what: string, patterns: readonly string[], both: BothCommands): string {
  const files = matching(patterns, both);
  return files.length === 0 ? what : `${what} (${filesSentence(files)})`;
}

function filesText(patterns: readonly string[], side: Difference['side'], both: BothCommands): string {
  const where = folderOf(patterns.filter((pattern) => !pattern.startsWith('!')));
  const of = where === '' ? 'files of the workspace' : `files in ${where}`;
  if (side !== 'both') return side === 'now' ? `${of} are a new input` : `${of} are no input any more`;
  const files = matching(patterns, both);
  if (files.length > 0) return filesSentence(files);
  return both.files === null
    ? `${of} differ (this clone does not have the commit of the earlier run)`
    : `${of} differ (git does not see which: line endings, LFS, or files that it ignores and Nx does not)`;
}

/** `libs/ui/src/button.ts changed`, or `4 files changed in libs/ui, first libs/ui/a.ts`. */
function filesSentence(files: readonly ChangedFile[]): string {
  const [first, ...others] = files;
  if (first === undefined) return '';
  if (others.length === 0) return fileSentence(first);
  const where = folderOf(files.map(({ path }) => path));
  return `${plural(files.length, 'file')} changed${where === '' ? '' : ` in ${where}`}, first ${first.path}`;
}

const WORDS: Readonly<Record<ChangedFile['how'], string>> = {
  changed: 'changed',
  new: 'is new',
  deleted: 'was deleted',
  renamed: 'was renamed',
};

const fileSentence = ({ path, how, from }: ChangedFile): string =>
  from === null ? `${path} ${WORDS[how]}` : `${from} was renamed to ${path}`;

/** The deepest folder without wildcards that contains all of these. */
function folderOf(paths: readonly string[]): string {
  const folders = paths.map((path) => {
    const parts = path.split('/').slice(0, -1);
    const wild = parts.findIndex((part) => /[*?{[(]/.test(part));
    return wild < 0 ? parts : parts.slice(0, wild);
  });
  const [first = [], ...others] = folders;
  const isShared = (part: string, index: number): boolean => others.every((other) => other[index] === part);
  const end = first.findIndex((part, index) => !isShared(part, index));
  return (end < 0 ? first : first.slice(0, end)).join('/');
}
