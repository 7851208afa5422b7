// The workspace of `npm run demo`: a small web shop. Sources and configuration are the files in
// e2e/demo-workspace/files; what is the same for every project is generated here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './packages.mjs';

const home = join(root, 'e2e', 'demo-workspace');

const LIBS = {
  http: [],
  services: [],
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
  // prettier-ignore
  storefront: ['accounts', 'cart', 'catalog', 'dates', 'http', 'money', 'orders', 'pricing', 'search', 'services', 'shipping', 'tax'],
  backoffice: ['cart', 'catalog', 'dates', 'http', 'money', 'orders', 'reports', 'services'],
};
const E2E = { 'shop-e2e': ['backoffice', 'storefront'] };

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
  const projects = [
    ...Object.entries(LIBS).map(([name, uses]) => project(`libs/${name}`, uses, libTargets)),
    ...Object.entries(APPS).map(([name, uses]) => project(`apps/${name}`, uses, appTargets)),
    // @nx/jest adds the targets e2e and e2e-ci, and one target for each file of tests.
    ...Object.entries(E2E).map(([name, uses]) => project(`apps/${name}`, uses, lintTarget)),
  ];
  return {
    ...Object.fromEntries(
      filesBelow(sources).map((file) => [file, readFileSync(join(sources, file), 'utf8')]),
    ),
    ...Object.assign({}, ...projects),
  };
}

const project = (folder, uses, targets) => ({
  [`${folder}/project.json`]: {
    name: folder.split('/')[1],
    projectType: folder.startsWith('libs/') ? 'library' : 'application',
    sourceRoot: `${folder}/src`,
    implicitDependencies: uses,
    targets: targets(folder),
  },
  [`${folder}/tsconfig.json`]: { extends: '../../tsconfig.base.json', include: ['src'] },
});

const lintTarget = (folder) => ({ lint: { command: `eslint ${folder}` } });

const testTarget = (folder, entry) => ({
  test: { command: `node --test --test-reporter=spec dist/${folder}/${entry}.test.js` },
});

const ESBUILD = 'esbuild --format=cjs --platform=node --sourcemap --log-level=warning';

/** ESLint needs a core for seconds, on both sides alike: these are enough to show that it runs beside the rest. */
const LINTED_LIBS = ['libs/text', 'libs/catalog', 'libs/orders'];

const libTargets = (folder) => ({
  ...(LINTED_LIBS.includes(folder) ? lintTarget(folder) : {}),
  ...testTarget(folder, 'index'),
  build: { command: `${ESBUILD} ${folder}/src/*.ts --outdir=dist/${folder}` },
});

/** Libraries are checked with the apps that use them. */
const appTargets = (folder) => ({
  ...lintTarget(folder),
  ...testTarget(folder, 'main'),
  build: {
    command: `tsc -p ${folder} && ${ESBUILD} --bundle ${folder}/src/main.ts ${folder}/src/main.test.ts --outdir=dist/${folder}`,
  },
});

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
