import type { Document } from './documents';

/** What a reader of a page does, block by block. */
export type Step =
  | { readonly kind: 'run'; readonly line: string }
  | { readonly kind: 'push' }
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  | { readonly kind: 'see'; readonly text: string };

/** "Create the file `nx.json`:", right above a block. */
const FILE = /\bfile `([^`]+)`[^\n]*:\n\n$/;
/** Its own project is there already: the test's. */
const CLONE = 'git clone ';

/** Shell commands of a block; a loop or a here-document is one command of several lines. */
function commandsOf(block: string): Step[] {
  if (block.startsWith(CLONE)) return [];
  const push = block.lastIndexOf('git push');
  const before = push === -1 ? block : block.slice(0, push);
  const run: Step[] = before.trim() === '' ? [] : [{ kind: 'run', line: before }];
  return push === -1 ? run : [...run, { kind: 'push' }];
}

/** The steps of a page whose blocks are shell commands, files that a sentence above them names, and output. */
export function stepsOf({ blocks, text }: Document): Step[] {
  let from = 0;
  return blocks.flatMap((block): Step[] => {
    const at = text.indexOf(block.text, from);
    const above = text.slice(0, text.lastIndexOf('```', at));
    from = at + block.text.length;
    if (block.language === 'sh') return commandsOf(block.text);
    const path = FILE.exec(above)?.[1];
    return block.language === '' || path === undefined
      ? [{ kind: 'see', text: block.text }]
      : [{ kind: 'write', path, text: block.text }];
  });
}
