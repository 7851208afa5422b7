import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = join(__dirname, '..', '..', '..');

interface Manifest {
  name: string;
  version: string;
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** Everything below `node_modules` but our own packages, as links: a version differs only in those. */
function linkOthers(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (name.startsWith('.') || name === '@org') continue;
    symlinkSync(join(from, name), join(to, name));
  }
}

/**
 * Installs the compiled packages as another version.
 * @param change by path below a package's `dist`: what that version has instead
 * @returns its command
 */
export function installVersion(
  folder: string,
  version: string,
  change: Readonly<Record<string, (text: string) => string>> = {},
): string {
  const modules = join(folder, version, 'node_modules');
  mkdirSync(join(modules, '@org'), { recursive: true });
  linkOthers(join(REPOSITORY, 'node_modules'), modules);
  for (const name of readdirSync(join(REPOSITORY, 'packages'))) {
    const source = join(REPOSITORY, 'packages', name);
    const manifest = manifestOf(source);
    const target = join(modules, manifest.name);
    cpSync(join(source, 'dist'), join(target, 'dist'), { recursive: true });
    writeFileSync(join(target, 'package.json'), JSON.stringify({ ...manifest, version }));
    const own = join(source, 'node_modules');
    if (readdirSync(source).includes('node_modules')) symlinkSync(own, join(target, 'node_modules'));
  }
  for (const [path, edit] of Object.entries(change)) {
    const file = join(modules, path);
    const text = readFileSync(file, 'utf8');
    const changed = edit(text);
    if (changed === text) throw new Error(`${path} has nothing to change`);
    writeFileSync(file, changed);
  }
  return join(modules, '@org/dte/dist/cli/main.js');
}
