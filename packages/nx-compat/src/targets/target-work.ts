import type { NxTargetConfiguration } from '../model/types';

/** What a check looks at. The order is that of a command line: fast checks first. */
export type CheckKind = 'lint' | 'typecheck' | 'test' | 'build' | 'e2e';

/** What a target does, as far as its configuration shows. */
export interface TargetWork {
  /** Null: not a check. It serves, deploys, cleans up, or its configuration does not show what it does. */
  readonly kind: CheckKind | null;
  /** It does not end by itself: a server, or a watch mode. */
  readonly isEndless: boolean;
  /** The script that `npm init` writes: prints that there are no tests, and fails. */
  readonly isPlaceholder: boolean;
  /** Another form of a main target, such as `test:coverage` or `build:docs`. Mostly does the same work again. */
  readonly isVariant: boolean;
  /** The tool that needs a browser on the machine. */
  readonly browser: 'Cypress' | 'Playwright' | null;
  /** Of a target that Nx has split into tasks for each file: the target that does the same work in one task. */
  readonly splitFrom: string | null;
  /** A target that only groups others. */
  readonly isNoop: boolean;
  /** The command lines; empty for an executor without any. */
  readonly command: string;
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function commandOf({ options, metadata }: NxTargetConfiguration): string {
  const { command, commands } = asObject(options);
  const several = Array.isArray(commands)
    ? commands.map((each: unknown) => asText(each) || asText(asObject(each)['command']))
    : [];
  const script = asText(asObject(metadata)['scriptContent']);
  return [asText(command), ...several, script].filter((line) => line !== '').join('\n');
}

/** `testUnit:ts-5` -> test, unit, ts, 5 */
const partsOf = (name: string): string[] =>
  name
    .split(/[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])/)
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase());

const NOT_CHECKS = new Set(
  [
    'serve server dev start watch preview storybook open debug inspect headed docker container ios android',
    'deploy publish release clean fix write update updates upgrade migrate install setup generate seed push',
    'deps bench benchmark profile record',
  ].flatMap((names) => names.split(' ')),
);

/** Scripts that package managers run themselves. */
const LIFECYCLE = /^(?:pre|post)(?:install|build|test|lint|pack|publish\w*|version)|^(?:prepare|version)$/i;

const BY_NAME: readonly (readonly [CheckKind, RegExp])[] = [
  ['e2e', /^(?:e2e|cypress|playwright|detox)$/],
  ['typecheck', /^(?:typecheck|types|tsc)$/],
  ['lint', /^(?:lint|eslint|stylelint|oxlint|biome|knip|check|checks|verify|validate)$/],
  ['test', /^(?:test|tests|unit|spec|jest|vitest|karma|mocha|integration)$/],
  ['build', /^(?:build|compile|bundle)$/],
];

/** The name of an executor after its package. */
const BY_EXECUTOR: readonly (readonly [CheckKind, RegExp])[] = [
  ['e2e', /^(?:cypress|playwright|e2e|detox|protractor)/],
  ['typecheck', /^(?:typecheck|type-check)$/],
  ['lint', /^(?:lint|eslint|stylelint|biome|oxlint|check)$/],
  ['test', /^(?:test|jest|vitest|karma|mocha|unit-test|pytest)$/],
  [
    'build',
    /^(?:build|tsc|swc|webpack|rollup|rspack|esbuild|application|browser|browser-esbuild|package|ng-packagr(?:-lite)?|webpack-browser)$/,
  ],
];

const BY_COMMAND: readonly (readonly [CheckKind, RegExp])[] = [
  ['e2e', /\b(?:cypress run|playwright test|detox test)\b/],
  [
    'lint',
    /\b(?:eslint|stylelint|oxlint|tslint|knip|publint|attw|biome (?:check|ci|lint))\b|\bprettier\b.*--check\b/,
  ],
  ['test', /\b(?:jest|vitest|mocha|ava|karma start|node --test|playwright test|bun test|pytest)\b/],
  ['typecheck', /\b(?:tsc|vue-tsc|tsgo)\b.*--noEmit\b|\b(?:svelte|astro)[- ]check\b/],
  [
    'build',
    /\b(?:tsc|vue-tsc|tsgo|tsup|tsdown|rollup|unbuild|esbuild|webpack|rspack|(?:vite|next|nuxt|astro|remix|ng) build)\b/,
  ],
];

const ENDLESS =
  /(?:^|\s)(?:--watch(?:All)?(?!=false)|--ui|--inspect-brk)\b|\b(?:vitest (?:watch|dev)|cypress open|ng serve|next dev|webpack serve)\b/;
/** Changes files: nothing that a pipeline could check. */
const CHANGES =
  /(?:^|\s)--(?:fix|write|update-snapshots?|updateSnapshot)(?!=false)\b|\b(?:npm|pnpm|yarn|bun) publish\b/;
/** Would start a second run in the first. */
const CALLS_NX = /(?:^|[\s;&|/])nx (?:affected|run-many|run|[\w:-]+ )/;

const GENERAL = new Set(['nx:run-commands', 'nx:run-script', 'nx:noop', '@nx/workspace:run-commands']);

const first = (
  rules: readonly (readonly [CheckKind, RegExp])[],
  texts: readonly string[],
): CheckKind | null => rules.find(([, rule]) => texts.some((text) => rule.test(text)))?.[0] ?? null;

/** `type-check` is two parts of one word. */
const namedKind = (parts: readonly string[]): CheckKind | null =>
  parts.join(' ').includes('type check') ? 'typecheck' : first(BY_NAME, parts);

const VARIANTS = new Set(['coverage', 'cov', 'ci', 'report', 'verbose', 'local', 'all']);

function isVariant(kind: CheckKind, name: string, parts: readonly string[]): boolean {
  if (kind === 'build') return name !== 'build';
  return parts.some((part) => VARIANTS.has(part));
}

function browserOf(
  kind: CheckKind | null,
  executor: string,
  technologies: readonly unknown[],
  command: string,
) {
  if (kind !== 'e2e' && kind !== 'test') return null;
  const text = [executor, ...technologies.map(asText), command].join('\n');
  if (/\bcypress\b/i.test(text)) return 'Cypress';
  return /\bplaywright\b/i.test(text) ? 'Playwright' : null;
}

/** What a target does: shown by its executor, by the plugin that inferred it, by its command, or by its name. */
export function workOf(name: string, target: NxTargetConfiguration): TargetWork {
  const command = commandOf(target);
  const metadata = asObject(target['metadata']);
  const technologies = Array.isArray(metadata['technologies']) ? (metadata['technologies'] as unknown[]) : [];
  const splitFrom = asText(metadata['nonAtomizedTarget']) || null;
  const executor = target.executor ?? '';
  const parts = partsOf(name);
  const isNoop = executor === 'nx:noop';
  const isEndless = target['continuous'] === true || ENDLESS.test(command);
  const isPlaceholder = command.includes('no test specified');
  const excluded =
    isEndless ||
    isPlaceholder ||
    (isNoop && splitFrom === null) ||
    parts.some((part) => NOT_CHECKS.has(part)) ||
    LIFECYCLE.test(name) ||
    CHANGES.test(command) ||
    CALLS_NX.test(command);
  const byExecutor = GENERAL.has(executor) ? null : first(BY_EXECUTOR, [executor.split(':').at(-1) ?? '']);
  const kind = excluded ? null : (byExecutor ?? namedKind(parts) ?? first(BY_COMMAND, [command]));
  return {
    kind,
    isEndless,
    isPlaceholder,
    isVariant: kind !== null && splitFrom === null && isVariant(kind, name, parts),
    browser: browserOf(kind, executor, technologies, command),
    splitFrom,
    isNoop,
    command,
  };
}
