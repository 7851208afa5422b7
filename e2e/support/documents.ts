import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@org/dte-testing';

/** The parts of a Markdown file that can be verified. */
export interface Document {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Inline code, line by line: code in one row of a table belongs together. */
  readonly spans: readonly (readonly string[])[];
  /** Targets of links, without other sites. */
  readonly links: readonly string[];
  /** As in links, without the #. */
  readonly anchors: ReadonlySet<string>;
}

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** A `dte` command line. */
export interface Mention {
  readonly command: string;
  readonly flags: readonly string[];
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;

function blocksOf(text: string): Block[] {
  return [...text.matchAll(FENCE)].map(([, indent = '', language = '', body = '']) => ({
    language,
    text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The id that GitLab and GitHub generate for a heading. */
const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

const groups = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, group = '']) => group);

export function readDocument(path: string): Document {
  const text = readFileSync(join(REPOSITORY, path), 'utf8');
  const prose = text.replaceAll(FENCE, '');
  return {
    path,
    text,
    blocks: blocksOf(text),
    spans: prose.split('\n').map((line) => groups(line, /`([^`]+)`/g)),
    links: groups(prose, /\]\(([^)\s]+)\)/g).filter((target) => !/^[a-z]+:/.test(target)),
    anchors: new Set(groups(prose, /^#+ (.+)$/gm).map(slug)),
  };
}

/** Every document of the repository for users and contributors. */
export function readDocuments(): Document[] {
  const markdownIn = (folder: string, recursive = false): string[] =>
    readdirSync(join(REPOSITORY, folder), { recursive, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name));
  const packages = readdirSync(join(REPOSITORY, 'packages'))
    .map((name) => join('packages', name, 'README.md'))
    .filter((path) => existsSync(join(REPOSITORY, path)));
  return [...markdownIn('.'), ...markdownIn('docs', true), ...packages].map(readDocument);
}

const COMMAND_LINE = /(?:^|[\s;&])dte ([a-z][a-z-]*)(.*)/;
/** What follows is for another program, or a placeholder. */
const REST = / -- | [#|&]|[;|`].*/;

export const flagsIn = (text: string): string[] => groups(text, /(?:^|\s)(--[a-z][a-z-]*)/g);

/** The `dte` command lines in these lines of shell, YAML or help. */
export function mentionsIn(text: string): Mention[] {
  return text.split('\n').flatMap((line) => {
    const [, command, rest = ''] = COMMAND_LINE.exec(line) ?? [];
    return command === undefined ? [] : [{ command, flags: flagsIn(rest.split(REST)[0] ?? '') }];
  });
}

/** Those of a whole document. A table row that begins with a command describes that command's flags. */
export function mentionsOf({ blocks, spans }: Document): Mention[] {
  const inRows = spans.flatMap(([first = '', ...others]) => {
    const [mention] = /^(npx )?dte /.test(first) ? mentionsIn(first) : [];
    const own = others.filter((span) => span.startsWith('--')).flatMap(flagsIn);
    return mention === undefined ? [] : [{ ...mention, flags: [...mention.flags, ...own] }];
  });
  const inProse = spans.flatMap((line) => line.slice(1).flatMap(mentionsIn));
  return [...blocks.flatMap(({ text }) => mentionsIn(text)), ...inRows, ...inProse];
}
