const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The folders above a path: `dist/apps` and `dist` for `dist/apps/web`. */
function foldersAbove(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Does a text, such as a command, name a path, something below it, or a folder above it as a whole? */
export function namesPath(text: string, path: string): boolean {
  if (new RegExp(`(?<![\\w-])${escaped(path)}(?![\\w.-])`).test(text)) return true;
  return foldersAbove(path).some((folder) =>
    new RegExp(`(?<![\\w-])${escaped(folder)}(/\\*{0,2})?(?![\\w./*{-])`).test(text),
  );
}
