// Bundles the report's page, packages/report/page, into packages/report/dist/bundle/page.json: one script and one style, with the
// hashes that the page's Content-Security-Policy names. Only if something has changed that goes into it.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, root } from './lib/packages.mjs';

const report = join(root, 'packages', 'report');
const bundleFile = join(report, 'dist', 'bundle', 'page.json');
/** The oldest browsers that can decompress a stream (2023). */
const TARGET = ['chrome111', 'firefox113', 'safari16.4'];

/** What is bundled. Its licence, MIT, is to be with every copy: the whole text in the package, whom it is from in each page. */
const LIBRARIES = ['preact', '@preact/signals', '@preact/signals-core', 'ansi_up'];
const licenceOf = (name) => readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim();
const noticeOf = (name) => `${name}: ${/^.*copyright.*\d{4}.*$/im.exec(licenceOf(name))?.[0].trim()}`;

const sha256 = (text) => createHash('sha256').update(text);

/** Everything that the bundle is made of; the libraries by the lockfile that pins them. */
function digestOfInputs() {
  const hash = sha256(readFileSync(join(root, 'package-lock.json')));
  const words = join(root, 'packages', 'protocol', 'src', 'words.ts');
  const sources = ['page', 'src'].flatMap((folder) =>
    filesBelow(join(report, folder)).map((file) => join(report, folder, file)),
  );
  for (const file of [fileURLToPath(import.meta.url), words, ...sources])
    if (!file.endsWith('.spec.ts')) hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** @returns {Promise<void>} rejects if it does not build; types are checked by `tsc -b` */
export async function buildPage() {
  const inputs = digestOfInputs();
  if (existsSync(bundleFile) && JSON.parse(readFileSync(bundleFile, 'utf8')).inputs === inputs) return;
  const { outputFiles } = await build({
    entryPoints: [join(report, 'page', 'main.tsx')],
    outdir: join(report, 'dist', 'bundle'),
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: TARGET,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    banner: { js: `/* MIT licence. ${LIBRARIES.map(noticeOf).join('; ')} */` },
    define: { 'process.env.NODE_ENV': '"production"' },
    // Its words only: the schemas would bring a parser along that no page needs.
    alias: { '@org/dte-protocol': join(root, 'packages', 'protocol', 'src', 'words.ts') },
  });
  const textOf = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text.trim();
  const [script, style] = [textOf('.js'), textOf('.css')];
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style))
    throw new Error('The bundle of the page would end its own element.');
  const hashOf = (text) => `sha256-${sha256(text).digest('base64')}`;
  mkdirSync(dirname(bundleFile), { recursive: true });
  const licences = LIBRARIES.map((name) => `${name}\n\n${licenceOf(name)}\n`).join('\n');
  writeFileSync(join(dirname(bundleFile), 'licences.txt'), licences);
  writeFileSync(
    bundleFile,
    JSON.stringify({ inputs, scriptHash: hashOf(script), styleHash: hashOf(style), script, style }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPage().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
