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

/**
 * From the bottom up: a package imports from the layers below its own, never from its own. Packages that are not in a
 * layer may import nothing. Everybody's specs may use the test support; `TEST_ONLY` below keeps it out of the sources.
 */
const LAYERS = [
  ['protocol', 'nx-compat'],
  ['config', 'identity', 'report', 'scheduler'],
  ['cache', 'client', 'parity'],
  ['testing'],
  ['agent', 'coordinator'],
  ['gitlab', 'runner'],
  ['dte', 'simulation'],
  ['nx-cloud-shim'],
];
/** Narrower than their layer: one installs packed tarballs, the other is a few lines over what users install. */
const NARROWER = { e2e: ['protocol'], 'nx-cloud-shim': ['dte'] };

const scope = (name) => `scope:${name}`;
const mayImport = {
  ...Object.fromEntries(
    LAYERS.flatMap((layer, index) => layer.map((name) => [name, LAYERS.slice(0, index).flat()])),
  ),
  ...NARROWER,
};
const depConstraints = Object.entries(mayImport).map(([name, allowed]) => ({
  sourceTag: scope(name),
  onlyDependOnLibsWithTags: [name, 'testing', ...allowed].map(scope),
}));

// The test support is made of the packages below it, whose specs use it.
const ignoredCircularDependencies = LAYERS.slice(
  0,
  LAYERS.findIndex((layer) => layer.includes('testing')),
)
  .flat()
  .map((name) => ['@org/dte-testing', `@org/dte-${name}`]);

const HABITS = [
  {
    // `...(x === undefined ? {} : { x })` is no case of it: with `exactOptionalPropertyTypes` it is how a property is left out.
    selector:
      'SpreadElement > :matches(ObjectExpression, ArrayExpression), ' +
      'SpreadElement > :matches(TSAsExpression, TSSatisfiesExpression) > :matches(ObjectExpression, ArrayExpression)',
    message: 'Write the literal out where it is spread: what is spread is not checked for excess properties.',
  },
  {
    // Parameter properties of a constructor count, since its callers have to tell them apart by position as well. Types do not:
    // they describe functions of others, and our own are counted where they are written. Nor do the columns of `it.each`.
    selector:
      ':matches(FunctionDeclaration, FunctionExpression, ArrowFunctionExpression)[params.length>4]' +
      ':not(CallExpression[callee.callee.property.name="each"] > *)',
    message: 'More than four parameters: pass an object with named properties.',
  },
];

/** What the syntax of these files must not contain, `HABITS` included. */
const restrictedSyntax = (files, selectors, ignores = []) => [
  { files, ignores, rules: { 'no-restricted-syntax': ['error', ...HABITS, ...selectors] } },
];

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
  'process',
  'console',
  'performance',
  'crypto',
  'fetch',
  'require',
  'globalThis',
  '__dirname',
  '__filename',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
];

const NX_INTERNALS_BY_CALL = [
  'CallExpression[callee.name="require"][arguments.0.value=/^nx\\u002F(src|dist)\\u002F/]',
  'ImportExpression[source.value=/^nx\\u002F(src|dist)\\u002F/]',
].map((selector) => ({ selector, message: NX_INTERNALS.message }));
const CLOCK_BY_CALL = [
  'NewExpression[callee.name="Date"][arguments.length=0]',
  'CallExpression[callee.name="Date"]',
].map((selector) => ({ selector, message: 'Time is an argument.' }));

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
    files: ['**/*.ts', '**/*.tsx'],
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
          checkDynamicDependenciesExceptions: ['@org/**'],
        },
      ],
      'no-restricted-imports': imports(NX_INTERNALS, TEST_ONLY),
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
    },
  },
  {
    files: ['packages/nx-compat/**/*.ts'],
    ignores: SPECS,
    rules: { 'no-restricted-imports': imports(TEST_ONLY) },
  },
  {
    files: [...SPECS, 'packages/{simulation,testing}/**/*.ts', 'e2e/**/*.ts'],
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
    rules: { 'no-restricted-imports': 'off' },
  },
  restrictedSyntax(['**/*.{js,cjs,mjs}'], []),
  restrictedSyntax(['**/*.{ts,tsx}'], NX_INTERNALS_BY_CALL),
  restrictedSyntax(CORE, [...NX_INTERNALS_BY_CALL, ...CLOCK_BY_CALL], SPECS),
  restrictedSyntax(['packages/nx-compat/**/*.ts'], []),
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: { globals: globals.node },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
  { files: ['**/*.{js,cjs}'], languageOptions: { sourceType: 'commonjs' } },
  prettier,
);
