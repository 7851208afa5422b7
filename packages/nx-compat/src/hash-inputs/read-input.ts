/** The meaning of one entry in a hash's details. */
export type HashInput =
  /** Target, configuration and arguments of the task. */
  | { readonly kind: 'command' }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'runtime'; readonly command: string }
  | { readonly kind: 'external'; readonly name: string }
  /** Files of the workspace; patterns are relative to its root, a leading `!` excludes. */
  | { readonly kind: 'files'; readonly patterns: readonly string[] }
  | { readonly kind: 'project'; readonly project: string; readonly patterns: readonly string[] }
  | { readonly kind: 'tsconfig'; readonly patterns: readonly string[] }
  | { readonly kind: 'dependency-outputs'; readonly pattern: string }
  | { readonly kind: 'other'; readonly name: string };

/** Splits at commas outside braces: `a/*.{ts,js},!b` is two patterns. */
function splitPatterns(text: string): string[] {
  const patterns: string[] = [];
  let depth = 0;
  let pattern = '';
  for (const character of text) {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (character === ',' && depth === 0) {
      patterns.push(pattern);
      pattern = '';
    } else pattern += character;
  }
  return [...patterns, pattern].filter((each) => each !== '');
}

/** 20 and 21 write `{projectRoot}`, later versions the folder itself; a project may be the workspace root. */
function fromRoot(pattern: string, projectRoot: string): string {
  const mark = pattern.startsWith('!') ? '!' : '';
  const path = pattern
    .slice(mark.length)
    .replaceAll('{workspaceRoot}', '.')
    .replaceAll('{projectRoot}', projectRoot === '' ? '.' : projectRoot);
  return mark + path.replace(/^(\.?\/)+/, '');
}

const below = (root: string, name: string): string =>
  root === '' || root === '.' ? name : `${root}/${name}`;

/**
 * Parses the name of an entry in a hash's details, as 20 to 24 write it.
 * @param rootOf folder of a project, undefined if there is no such project
 */
export function readHashInput(name: string, rootOf: (project: string) => string | undefined): HashInput {
  if (name === 'command') return { kind: 'command' };
  const workspace = /^workspace:\[(.*)\]$/s.exec(name)?.[1];
  if (workspace !== undefined) {
    return { kind: 'files', patterns: splitPatterns(workspace).map((each) => fromRoot(each, '')) };
  }
  const colon = name.indexOf(':');
  const [head, tail] = colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
  const root = rootOf(head);
  if (tail === 'ProjectConfiguration') {
    const files = ['project.json', 'package.json'].map((file) => below(root ?? '', file));
    return { kind: 'project', project: head, patterns: [...files, 'nx.json'] };
  }
  if (tail === 'TsConfig') return { kind: 'tsconfig', patterns: ['tsconfig.base.json', 'tsconfig.json'] };
  if (head === 'env') return { kind: 'env', name: tail };
  if (head === 'runtime') return { kind: 'runtime', command: tail };
  if (tail === 'AllExternalDependencies') return { kind: 'external', name: 'all installed packages' };
  // A project may have this name as well, but its patterns are not package names.
  if (head === 'npm' && /^(@[^/]+\/)?[^/*{},!]+$/.test(tail)) return { kind: 'external', name: tail };
  if (root !== undefined) {
    return { kind: 'files', patterns: splitPatterns(tail).map((each) => fromRoot(each, root)) };
  }
  return colon > 0 && head.includes('*')
    ? { kind: 'dependency-outputs', pattern: head }
    : { kind: 'other', name };
}
