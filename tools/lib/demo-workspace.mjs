// The workspace of `npm run demo`: a small web shop. Sources and configuration are the files in
// e2e/demo-workspace/files; what is the same for every project is generated here.
// e2e/demo-workspace/files; what is the same for every project is made here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './packages.mjs';

const home = join(root, 'e2e', 'demo-workspace');

const LIBS = {
  money: [],
  dates: [],
  text: [],
  validation: ['text'],
  catalog: ['money', 'text'],
  search: ['catalog', 'money', 'text'],
  cart: ['catalog', 'money'],
  pricing: ['dates', 'money'],
  shipping: ['dates', 'money'],
  tax: ['money'],
  orders: ['cart', 'catalog', 'dates', 'money', 'pricing', 'shipping', 'tax'],
  accounts: ['validation'],
  reports: ['dates', 'money', 'orders'],
};
const APPS = {
  storefront: ['accounts', 'cart', 'catalog', 'money', 'orders', 'search'],
  backoffice: ['cart', 'catalog', 'money', 'orders', 'reports'],
  worker: ['dates', 'money', 'orders'],
};

/** package.json and lockfile of the third-party tools. */
export const demoInstall = () => {
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return {
    nx: manifest.devDependencies.nx,
    manifest,
    lockfile: readFileSync(join(home, 'package-lock.json'), 'utf8'),
  };
};

/** Path -> content of everything except package.json. */
export function demoFiles() {
  const sources = join(home, 'files');
  return {
    ...Object.fromEntries(
      filesBelow(sources).map((file) => [file, readFileSync(join(sources, file), 'utf8')]),
    ),
    ...Object.assign(
      {},
      ...Object.entries(LIBS).map(([name, uses]) => project(`libs/${name}`, name, uses, 'index')),
    ),
    ...Object.assign(
      {},
      ...Object.entries(APPS).map(([name, uses]) => project(`apps/${name}`, name, uses, 'main')),
    ),
  };
}

function project(folder, name, uses, entry) {
  const bundle = `esbuild ${folder}/src/main.ts --bundle --platform=node --minify --outfile=dist/${folder}/bundle.js --log-level=warning`;
  const compile = `tsc -p ${folder}/tsconfig.json`;
  return {
    [`${folder}/project.json`]: {
      name,
      projectType: entry === 'main' ? 'application' : 'library',
      sourceRoot: `${folder}/src`,
      implicitDependencies: uses,
      targets: {
        lint: { command: `eslint ${folder}` },
        test: { command: `node --test --test-reporter=spec dist/${folder}/${entry}.test.js` },
        build: { command: entry === 'main' ? `${compile} && ${bundle}` : compile },
      },
    },
    [`${folder}/tsconfig.json`]: {
      extends: '../../tsconfig.base.json',
      compilerOptions: { rootDir: 'src', outDir: `../../dist/${folder}` },
      include: ['src'],
    },
  };
}

/** The commit that the demo's pipeline tests: it affects most of the workspace, but not all. */
export function demoChange(files) {
  const path = 'libs/text/src/index';
  return {
    [`${path}.ts`]: `${files[`${path}.ts`]}
export const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
`,
    [`${path}.test.ts`]: `${files[`${path}.test.ts`].replace('{ distance,', '{ capitalise, distance,')}
test('capitalises', () => {
  assert.equal(capitalise('tea'), 'Tea');
});
`,
  };
}
