// Files, and folders of one package, that import each other; type-only and dynamic imports count.
import { dirname } from 'node:path';
import { cyclesOf } from './graph.mjs';
import { importsOf, resolveRelative } from './modules.mjs';

function fileGraph(sources) {
  const nameOf = new Map(sources.map(({ file, name }) => [file, name]));
  const targetsOf = ({ file, source }) =>
    importsOf(source)
      .map(({ from }) => nameOf.get(resolveRelative(file, from)))
      .filter((target) => target !== undefined);
  return new Map(sources.map((one) => [one.name, new Set(targetsOf(one))]));
}

function folderGraph(files) {
  const folders = new Map();
  for (const [file, targets] of files) {
    const folder = dirname(file);
    const known = folders.get(folder) ?? folders.set(folder, new Set()).get(folder);
    for (const target of targets) if (dirname(target) !== folder) known.add(dirname(target));
  }
  return folders;
}

/** @returns {string[]} */
export function importCycles(sources) {
  const files = fileGraph(sources);
  return [...cyclesOf(files), ...cyclesOf(folderGraph(files))].map((nodes) => nodes.join(' <-> '));
}
