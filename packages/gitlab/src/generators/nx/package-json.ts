import { ALIAS, RUNNER, SHIM } from '@org/dte-nx-compat';
import { type Report } from '../workspace/report';
import { asObject, parseJson, removeJson, setJson } from '../text/json';

const FILE = 'package.json';
const SECTIONS = ['devDependencies', 'dependencies', 'optionalDependencies'] as const;

/** Where a dependency is listed, and its version range. */
function find(text: string, name: string): { section: string; spec: string } | null {
  for (const section of SECTIONS) {
    const spec = asObject(parseJson(text)[section])[name];
    if (typeof spec === 'string') return { section, spec };
  }
  return null;
}

/** An npm alias of our shim, or a folder or tarball with it. */
const isShim = (spec: string): boolean => /dte-nx-cloud-shim|\bnx-cloud-shim\b/.test(spec);

/**
 * package.json with the alias `nx-cloud` for our shim. Its range has the same form as that of @org/dte (exact, ^ or ~),
 * because the two belong together.
 */
export function setUpPackageJson(text: string, version: string, report: Report): string {
  let edited = text;
  let own = find(edited, RUNNER);
  if (own === null) {
    own = { section: 'devDependencies', spec: `^${version}` };
    edited = setJson(edited, [own.section, RUNNER], own.spec);
    report.change(FILE, `devDependency ${RUNNER} ${own.spec}`);
  }
  const prefix = /^[\^~]/.exec(own.spec)?.[0] ?? '';
  const wanted = `npm:${SHIM}@${prefix}${version}`;
  const alias = find(edited, ALIAS);
  const stays = alias !== null && isShim(alias.spec) && !alias.spec.startsWith(`npm:${SHIM}@`);
  if (alias?.spec === wanted || stays) return edited;
  report.change(FILE, `${alias?.section ?? 'devDependencies'} ${ALIAS} is ${wanted}`);
  if (alias !== null && !isShim(alias.spec))
    report.dropped(FILE, `${ALIAS} ${alias.spec}, the vendor's client`);
  return setJson(edited, [alias?.section ?? 'devDependencies', ALIAS], wanted);
}

/** Settings of the vendor that a person must decide on. */
export function vendorPackages(text: string, report: Report): void {
  const found = find(text, '@nrwl/nx-cloud');
  if (found !== null)
    report.hand(FILE, `${found.section} still has @nrwl/nx-cloud, which is no longer used: remove it`);
}

/** The user's own shim: nothing calls it any more, and Nx would find it instead of the vendor's client. */
export function tellOwnShim(text: string, report: Report): void {
  const alias = find(text, ALIAS);
  if (alias !== null && isShim(alias.spec))
    report.hand(FILE, `${alias.section} still has ${ALIAS} ${alias.spec}`);
}

/** package.json without the alias. Everything else stays: @org/dte, and a shim from a folder or tarball. */
export function tearDownPackageJson(text: string): string {
  const alias = find(text, ALIAS);
  if (alias?.spec.startsWith(`npm:${SHIM}@`) !== true) return text;
  const only = Object.keys(asObject(parseJson(text)[alias.section])).length === 1;
  return removeJson(text, only ? [alias.section] : [alias.section, ALIAS]);
}
