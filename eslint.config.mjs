import { builtinModules } from 'node:module';
import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import globals from 'globals';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const SPECS = [
  'packages/*/src/**/*.spec.ts',
  'packages/*/src/**/test-support/**',
  'packages/*/{integration,test}/**',
];
const CORE = ['packages/{protocol,scheduler}/src/**/*.ts'];

/** Who may import whom. Everybody's specs may use the test support; `TEST_ONLY` below keeps it out of the sources. */
const DEPENDENCY_RULE = {
  protocol: [],
  identity: ['protocol'],
  scheduler: ['protocol'],
  config: ['protocol'],
  coordinator: ['protocol', 'identity', 'scheduler'],
  'nx-compat': ['protocol'],
  client: ['protocol', 'identity', 'config', 'nx-compat'],
  agent: ['protocol', 'identity', 'nx-compat', 'client'],
  dte: ['protocol', 'identity', 'config', 'nx-compat', 'client', 'coordinator', 'agent'],
  'nx-cloud-shim': ['dte'],
  testing: ['protocol', 'scheduler', 'coordinator', 'client', 'agent', 'nx-compat'],
  e2e: ['protocol'],
};

const scope = (name) => `scope:${name}`;
const depConstraints = Object.entries(DEPENDENCY_RULE).map(([name, allowed]) => ({
  sourceTag: scope(name),
  onlyDependOnLibsWithTags: [name, ...allowed, 'testing'].map(scope),
}));

// A contract suite names the port it tests, and the package that owns the port runs the suite in its specs.
const ignoredCircularDependencies = Object.keys(DEPENDENCY_RULE)
  .filter((name) => !['testing', 'e2e'].includes(name))
  .map((name) => ['@org/dte-testing', name === 'dte' ? '@org/dte' : `@org/dte-${name}`]);

const NX_INTERNALS = {
  regex: '^nx/(src|dist)/',
  message: 'Only nx-compat may reach into Nx: put the difference between majors there.',
};
const TEST_ONLY = {
  regex: '^(@org/dte-testing|fast-check)$',
  message: 'Test support is for specs and e2e only.',
};
const NODE_BUILTINS = {
  regex: `^(node:.*|${builtinModules.filter((name) => !name.startsWith('_')).join('|')})$`,
  message: 'protocol and scheduler are pure: what they need from the platform is an argument.',
};
const imports = (...patterns) => ['error', { patterns }];

const IMPURE_GLOBALS = [
  ...[
    'process',
    'console',
    'performance',
    'crypto',
    'fetch',
    'require',
    'globalThis',
    '__dirname',
    '__filename',
  ],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'],
];

const nxInternalsByCall = [
  'CallExpression[callee.name="require"][arguments.0.value=/^nx\\u002F(src|dist)\\u002F/]',
  'ImportExpression[source.value=/^nx\\u002F(src|dist)\\u002F/]',
].map((selector) => ({ selector, message: NX_INTERNALS.message }));

export default defineConfig(
  {
    ignores: [
      '**/dist',
      '**/out-tsc',
      '**/coverage',
      '**/node_modules',
      'tmp',
      '.nx',
      'packages/*/src/generators/**/files/**',
      'e2e/**/files/**',
      '**/*.timestamp-*',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          enforceBuildableLibDependency: false,
          depConstraints,
          ignoredCircularDependencies,
          // A module that is loaded late in one place, to keep a command on a laptop quick, may be imported in others.
          checkDynamicDependenciesExceptions: ['@org/*'],
        },
      ],
      'no-restricted-imports': imports(NX_INTERNALS, TEST_ONLY),
      'no-restricted-syntax': ['error', ...nxInternalsByCall],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true, ignoreVoidReturningFunctions: true },
      ],
      // Modules that are resolved at run time are typed by the caller: `load<Shape>(path)`.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: CORE,
    ignores: SPECS,
    rules: {
      'no-restricted-imports': imports(NX_INTERNALS, TEST_ONLY, NODE_BUILTINS),
      'no-restricted-globals': [
        'error',
        ...IMPURE_GLOBALS.map((name) => ({ name, message: NODE_BUILTINS.message })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time is an argument.' },
        { object: 'Math', property: 'random', message: 'Randomness is an argument.' },
      ],
      'no-restricted-syntax': [
        'error',
        ...nxInternalsByCall,
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Time is an argument.',
        },
        { selector: 'CallExpression[callee.name="Date"]', message: 'Time is an argument.' },
      ],
    },
  },
  {
    files: ['packages/nx-compat/**/*.ts'],
    ignores: SPECS,
    rules: { 'no-restricted-imports': imports(TEST_ONLY), 'no-restricted-syntax': 'off' },
  },
  {
    files: [...SPECS, 'packages/testing/**/*.ts', 'e2e/**/*.ts'],
    languageOptions: { globals: globals.jest },
    rules: {
      'no-restricted-imports': imports(NX_INTERNALS),
      // A test writes down what it knows to be there; the assertion that follows fails when it is not.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['packages/nx-compat/{src/**/*.spec.ts,integration/**/*.ts,src/**/test-support/**}'],
    rules: { 'no-restricted-imports': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: { globals: globals.node },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
  { files: ['**/*.{js,cjs}'], languageOptions: { sourceType: 'commonjs' } },
  prettier,
);
