/**
 * Replaces the folders of a machine in a text, longer paths first.
 * @param folders absolute path -> its replacement
 */
export function foldersOut(text: string, folders: Readonly<Record<string, string>>): string {
  const places = Object.entries(folders).sort(([left], [right]) => right.length - left.length);
  let result = text;
  for (const [folder, name] of places) result = result.replaceAll(folder, name);
  return result;
}
