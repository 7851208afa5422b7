import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileContent, InstallOptions } from '@org/dte-testing';

const HOME = join(__dirname, '..', 'plugins-workspace');

/** Nx's own plugins at the newest version that all of them have, and the tools that they drive. */
export function pluginsInstall(): InstallOptions {
  const read = (name: string): string => readFileSync(join(HOME, name), 'utf8');
  const manifest = JSON.parse(read('package.json')) as { devDependencies: Record<'nx', string> };
  return { nx: manifest.devDependencies.nx, manifest, lockfile: read('package-lock.json') };
}

/** Libraries that are only checked. */
const CHECKED = ['libs/shapes/**', 'libs/drawing/**'];

const NX_JSON = {
  defaultBase: 'main',
  analytics: false,
  namedInputs: {
    default: ['{projectRoot}/**/*', 'sharedGlobals'],
    production: ['default', '!{projectRoot}/**/*.spec.ts'],
    sharedGlobals: ['{workspaceRoot}/tsconfig.base.json'],
  },
  plugins: [
    // If one project has both, they write to one folder, and what a second run finds there depends on which was first.
    {
      plugin: '@nx/js/typescript',
      exclude: CHECKED,
      options: { typecheck: false, build: { targetName: 'build' } },
    },
    { plugin: '@nx/js/typescript', include: CHECKED, options: { typecheck: { targetName: 'typecheck' } } },
    { plugin: '@nx/vite/plugin', options: { buildTargetName: 'bundle' } },
    { plugin: '@nx/vitest', options: { testTargetName: 'vitest', ciTargetName: 'vitest-ci' } },
    { plugin: '@nx/jest/plugin', options: { targetName: 'jest', ciTargetName: 'jest-ci' } },
    { plugin: '@nx/eslint/plugin', options: { targetName: 'lint' } },
    '@workspace/stamps',
  ],
  targetDefaults: {
    compile: { cache: true, dependsOn: ['^compile'], inputs: ['production', '^production'] },
    bundle: { dependsOn: ['^build'] },
    '@workspace/stamps:stamp': { cache: true, outputs: ['{options.file}'] },
    alone: { cache: true },
  },
};

const TSCONFIG_BASE = {
  compilerOptions: {
    composite: true,
    declaration: true,
    isolatedModules: true,
    lib: ['es2023', 'dom'],
    module: 'esnext',
    moduleResolution: 'bundler',
    skipLibCheck: true,
    strict: true,
    target: 'es2022',
    types: [],
    baseUrl: '.',
    paths: {
      '@workspace/stamps': ['./tools/stamps/src/index.ts'],
      '@workspace/*': ['./libs/*/src/index.ts'],
    },
  },
};

/** A plugin of the workspace itself, in TypeScript: targets for every project with a stamp.json, and their executor. */
const STAMPS: Record<string, FileContent> = {
  'tools/stamps/package.json': {
    name: '@workspace/stamps',
    version: '0.0.0',
    private: true,
    main: './src/index.ts',
    executors: './executors.json',
  },
  'tools/stamps/project.json': { name: 'stamps' },
  'tools/stamps/executors.json': {
    executors: { stamp: { implementation: './src/stamp.ts', schema: './src/schema.json' } },
  },
  'tools/stamps/src/schema.json': {
    type: 'object',
    properties: {
      file: { type: 'string' },
      text: { type: 'string', default: 'stamped by default' },
      times: { type: 'number', default: 2 },
    },
    required: ['file'],
    additionalProperties: false,
  },
  'tools/stamps/src/stamp.ts': `
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Options { file: string; text: string; times: number }

export default async function stamp(options: Options, context: { root: string; projectName?: string; targetName?: string }) {
  const path = join(context.root, options.file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, \`\${context.projectName}: \${options.text}\\n\`.repeat(options.times));
  console.log(\`\${context.projectName}:\${context.targetName} \${options.text}, \${options.times} times\`);
  return { success: true };
}
`,
  'tools/stamps/src/index.ts': `
import { dirname } from 'node:path';

type Found = [string, { projects: Record<string, object> }];

export const createNodesV2 = [
  '**/stamp.json',
  (files: readonly string[]): Found[] =>
    files.map((file) => {
      const root: string = dirname(file);
      const options = { file: \`dist/stamps/\${root}.txt\` };
      const inputs = ['{projectRoot}/stamp.json'];
      const target = { executor: '@workspace/stamps:stamp', options, inputs, configurations: { loud: { text: 'STAMPED' } } };
      return [file, { projects: { [root]: { targets: { stamp: target } } } }];
    }),
] as const;
`,
};

const lines = (...text: string[]): string => `${text.join('\n')}\n`;

/** A library that is built by tools other than a bundler; two test files, so that there is something to split. */
function library(
  name: string,
  uses: readonly string[],
  runner: 'jest' | 'vitest',
): Record<string, FileContent> {
  const root = `libs/${name}`;
  const spec = (title: string, test: string): string =>
    lines(
      ...(runner === 'vitest' ? ["import { describe, expect, it } from 'vitest';"] : []),
      `import { ${name} } from './index';`,
      '',
      `describe('${title}', () => {`,
      ...test.split('\n').map((line) => `  ${line}`),
      '});',
    );
  const tests = {
    [`${root}/src/first.spec.ts`]: spec(
      'first',
      `it('names itself and what it uses', () => {\n  expect(${name}()).toBe('${[name, ...uses].join(' ')}');\n});`,
    ),
    [`${root}/src/second.spec.ts`]: spec(
      'second',
      `it('is text', () => expect(typeof ${name}()).toBe('string'));`,
    ),
  };
  return {
    [`${root}/package.json`]: { name: `@workspace/${name}`, version: '0.0.0', main: './dist/index.js' },
    [`${root}/project.json`]: {
      name,
      sourceRoot: `${root}/src`,
      targets: {
        compile: {
          executor: '@nx/js:tsc',
          outputs: ['{options.outputPath}'],
          options: {
            outputPath: `dist/${root}`,
            main: `${root}/src/index.ts`,
            tsConfig: `${root}/tsconfig.compile.json`,
            assets: [`${root}/*.md`],
          },
        },
      },
    },
    [`${root}/README.md`]: `${name}\n`,
    [`${root}/stamp.json`]: {},
    [`${root}/src/index.ts`]: lines(
      ...uses.map((used) => `import { ${used} } from '@workspace/${used}';`),
      `export const ${name} = (): string => [${[`'${name}'`, ...uses.map((used) => `${used}()`)].join(', ')}].join(' ');`,
      'const unused = 1;',
    ),
    [`${root}/tsconfig.json`]: {
      extends: '../../tsconfig.base.json',
      files: [],
      references: [{ path: './tsconfig.lib.json' }, { path: './tsconfig.spec.json' }],
    },
    [`${root}/tsconfig.lib.json`]: {
      extends: '../../tsconfig.base.json',
      compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/lib.tsbuildinfo' },
      include: ['src'],
      exclude: ['src/**/*.spec.ts'],
      references: uses.map((used) => ({ path: `../${used}/tsconfig.lib.json` })),
    },
    [`${root}/tsconfig.spec.json`]: {
      extends: '../../tsconfig.base.json',
      compilerOptions: {
        outDir: 'dist/spec',
        tsBuildInfoFile: 'dist/spec/spec.tsbuildinfo',
        types: [runner === 'jest' ? 'jest' : 'vitest'],
      },
      include: ['src/**/*.spec.ts'],
      references: [{ path: './tsconfig.lib.json' }],
    },
    [`${root}/tsconfig.compile.json`]: {
      extends: '../../tsconfig.base.json',
      compilerOptions: { composite: false },
      include: ['src'],
      exclude: ['src/**/*.spec.ts'],
    },
    ...tests,
    ...(runner === 'jest'
      ? {
          [`${root}/jest.config.cjs`]: lines(
            '// Without a cache the order of the files does not depend on how long they took before.',
            'module.exports = {',
            `  displayName: '${name}',`,
            "  transform: { '\\\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },",
            "  moduleNameMapper: { '^@workspace/(.*)$': '<rootDir>/../$1/src/index.ts' },",
            "  testMatch: ['**/src/**/*.spec.ts'],",
            "  coverageDirectory: '../../coverage/libs/" + name + "',",
            '  cache: false,',
            '  maxWorkers: 1,',
            '};',
          ),
        }
      : {
          [`${root}/vitest.config.mts`]: lines(
            "import { fileURLToPath } from 'node:url';",
            "import { defineConfig } from 'vitest/config';",
            'export default defineConfig({',
            '  root: import.meta.dirname,',
            "  resolve: { alias: [{ find: /^@workspace\\/(.*)$/, replacement: fileURLToPath(new URL('../', import.meta.url)) + '$1/src/index.ts' }] },",
            "  test: { include: ['src/**/*.spec.ts'], reporters: ['default'], fileParallelism: false, cache: false },",
            '});',
          ),
        }),
  };
}

/** A library of types: nothing builds it, only its tsconfig.json is checked. */
function checked(name: string, uses: readonly string[], source: string): Record<string, FileContent> {
  const root = `libs/${name}`;
  return {
    [`${root}/package.json`]: { name: `@workspace/${name}`, version: '0.0.0' },
    [`${root}/project.json`]: { name },
    [`${root}/tsconfig.json`]: {
      extends: '../../tsconfig.base.json',
      compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/tsconfig.tsbuildinfo' },
      include: ['src'],
      references: uses.map((used) => ({ path: `../${used}` })),
    },
    [`${root}/src/index.ts`]: source,
  };
}

/** A project for a bundler, and a target that only groups others. */
const SHOP: Record<string, FileContent> = {
  'apps/shop/project.json': {
    name: 'shop',
    targets: {
      all: { executor: 'nx:noop', dependsOn: ['bundle', 'stamp', '^jest-ci', '^vitest-ci'] },
      alone: {
        command: `node -e "require('fs').writeFileSync('dist/alone.txt', 'alone'); console.log('alone'); setTimeout(() => {}, 100)"`,
        outputs: ['{workspaceRoot}/dist/alone.txt'],
        dependsOn: ['^compile'],
        parallelism: false,
      },
    },
  },
  'apps/shop/stamp.json': {},
  'apps/shop/index.html':
    '<!doctype html><title>Shop</title><link rel="stylesheet" href="./src/shop.css"><script type="module" src="./src/main.ts"></script>\n',
  'apps/shop/src/shop.css': 'body { color: teal; }\n',
  'apps/shop/src/main.ts': lines(
    "import { cart } from '@workspace/cart';",
    "import { text } from '@workspace/text';",
    'document.title = `${cart()} ${text()}`;',
    "void import('./later').then(({ later }) => later());",
  ),
  'apps/shop/src/later.ts': "export const later = (): void => console.log('later');\n",
  'apps/shop/vite.config.mts': lines(
    "import { fileURLToPath } from 'node:url';",
    "import { defineConfig } from 'vite';",
    'export default defineConfig({',
    '  root: import.meta.dirname,',
    "  resolve: { alias: [{ find: /^@workspace\\/(.*)$/, replacement: fileURLToPath(new URL('../../libs/', import.meta.url)) + '$1/src/index.ts' }] },",
    "  build: { outDir: '../../dist/apps/shop/bundle', emptyOutDir: true, sourcemap: true },",
    '});',
  ),
};

/** text and money (one is tested with jest, the other with vitest) <- cart <- shop; `stamps` is the workspace's plugin. */
export const PLUGIN_FILES: Record<string, FileContent> = {
  'nx.json': NX_JSON,
  'tsconfig.base.json': TSCONFIG_BASE,
  'eslint.config.mjs': lines(
    "import { configs, parser } from 'typescript-eslint';",
    'export default [',
    "  { ignores: ['**/dist', '**/coverage'] },",
    '  ...configs.recommended,',
    "  { files: ['**/*.ts'], languageOptions: { parser }, rules: { '@typescript-eslint/no-unused-vars': 'warn' } },",
    '];',
  ),
  ...STAMPS,
  ...library('text', [], 'vitest'),
  ...library('money', [], 'jest'),
  ...library('cart', ['money', 'text'], 'jest'),
  ...checked('shapes', [], 'export interface Shape { readonly sides: number }\n'),
  ...checked(
    'drawing',
    ['shapes'],
    "import type { Shape } from '@workspace/shapes';\nexport const draw = ({ sides }: Shape): string => '/'.repeat(sides);\n",
  ),
  ...SHOP,
};
