// Writes docs/reference/configuration.md (from the schema of all options), docs/reference/limits.md (from the protocol's limits) and the JSON schemas
// of .nx/dte.yaml, of a report and of the status of a session. `--check` writes nothing; it fails if a file is not up to date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { buildAll } from './build.mjs';
import { OPTION_GROUPS } from './lib/option-groups.mjs';
import { root } from './lib/packages.mjs';

const CONFIGURATION = join(root, 'docs', 'reference', 'configuration.md');
const LIMITS_PAGE = join(root, 'docs', 'reference', 'limits.md');
const REPORT_SCHEMA = join(root, 'docs', 'reference', 'report-model.schema.json');
const STATUS_SCHEMA = join(root, 'docs', 'reference', 'session-status.schema.json');
const RULES_SCHEMA = join(root, 'packages', 'dte', 'schemas', 'dte.schema.json');

const escape = (text) => text.replaceAll('|', '\\|');
const code = (text) => `\`${text}\``;
const row = (cells) => `| ${cells.map(escape).join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

const GENERATED = `<!-- Written by \`node tools/docs.mjs\`. Do not edit. -->`;
const UNITS = {
  ms: [
    [86_400_000, 'days'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ],
  bytes: [
    [1024 ** 3, 'GiB'],
    [1024 ** 2, 'MiB'],
    [1024, 'KiB'],
  ],
  count: [],
};

/** The number as it is set, then in a unit that people read: `120000 ms (2 min)`. */
function quantity(value, unit) {
  const [size, name] = UNITS[unit].find(([size]) => value >= size && value % (size / 2) === 0) ?? [];
  const plain = unit === 'count' ? String(value) : `${value} ${unit}`;
  return size === undefined ? plain : `${plain} (${value / size} ${name})`;
}

function optionRow({ name, about }, limits) {
  const { unit, defaultText } = about;
  const limit = limits[name];
  const inUnit = unit === undefined || unit === 'count' || limit !== undefined ? '' : ` (${unit})`;
  const sources = [about.env, about.flag].filter((source) => source !== null).map(code);
  return [
    code(name),
    about.description + inUnit,
    limit === undefined ? defaultText : quantity(limit.value, limit.unit),
    [...sources, ...(about.nxJson ? ['nx.json'] : [])].join(', '),
  ];
}

function optionSections(options, limits) {
  const byName = new Map(options.map((option) => [option.name, option]));
  const listed = OPTION_GROUPS.flatMap((group) => group.options);
  const unknown = listed.filter((name) => !byName.has(name));
  const missing = options.filter(({ name }) => limits[name] === undefined && !listed.includes(name));
  if (unknown.length + missing.length > 0) {
    const names = [...unknown, ...missing.map(({ name }) => name)].join(', ');
    throw new Error(`tools/lib/option-groups.mjs and the options schema list different options: ${names}`);
  }
  return OPTION_GROUPS.map(({ title, intro, options: names }) =>
    [
      `## ${title}`,
      intro,
      table(
        ['Option', 'Description', 'Default', 'Set with'],
        names.map((name) => optionRow(byName.get(name), limits)),
      ),
    ].join('\n\n'),
  ).join('\n\n');
}

const renderConfiguration = (options, limits) => `${GENERATED}

# Configuration

You can set each option in several places. The first of these that has a value applies:

1. the flag of a \`dte\` command
2. the environment variable
3. \`tasksRunnerOptions.default.options\` in \`nx.json\`, for options with "nx.json" in the last column
4. the default

\`\`\`json
{
  "tasksRunnerOptions": {
    "default": { "runner": "@org/dte", "options": { "accessToken": "dte", "agentWaitMs": 120000 } }
  }
}
\`\`\`

\`accessToken\` makes Nx 21 and later call the tasks runner. It is a switch, not a secret: any text works.

If a value is invalid, \`dte\` commands fail with \`DTE_BAD_CONFIG\`, which names the option, the value and where it was set. An nx
command reports the error and runs undistributed. Unknown \`DTE_*\` variables and unknown options cause a warning.

Durations are in milliseconds, sizes in bytes. For all timeouts, sizes and other limits, see [limits](limits.md).

${optionSections(options, limits)}
`;

const limitRow = ([name, { value, unit, env, why }]) =>
  env === null
    ? [code(name), quantity(value, unit), why]
    : [code(name), quantity(value, unit), code(env), why];

function limitTable(head, limits, isListed) {
  return table(
    head,
    Object.entries(limits)
      .filter(([, limit]) => isListed(limit))
      .map(limitRow),
  );
}

function renderLimits(limits) {
  const settable = ['Limit', 'Default', 'Variable', 'Description'];
  const fixed = ['Limit', 'Value', 'Description'];
  return `${GENERATED}

# Limits

Every queue, frame, wait and retry has a limit. Set a limit like any other option ([configuration](configuration.md)): with its
variable, or under its name in \`nx.json\`. Values are whole numbers, without a unit.

## Durations that you can set

${limitTable(settable, limits, ({ env, unit }) => env !== null && unit === 'ms')}

## Sizes and numbers that you can set

${limitTable(settable, limits, ({ env, unit }) => env !== null && unit !== 'ms')}

## Fixed durations

These limits are part of what both sides rely on, or there is no reason to change them.

${limitTable(fixed, limits, ({ env, unit }) => env === null && unit === 'ms')}

## Fixed sizes and numbers

${limitTable(fixed, limits, ({ env, unit }) => env === null && unit !== 'ms')}
`;
}

async function main() {
  await buildAll();
  const require = createRequire(import.meta.url);
  const { OPTIONS } = require('../packages/config/dist/index.js');
  const { LIMITS, statusJsonSchema } = require('../packages/protocol/dist/index.js');
  const { modelJsonSchema } = require('../packages/report/dist/index.js');
  const { rulesJsonSchema } = require('../packages/runner/dist/index.js');
  await put(CONFIGURATION, renderConfiguration(OPTIONS, LIMITS), 'markdown');
  await put(LIMITS_PAGE, renderLimits(LIMITS), 'markdown');
  await put(REPORT_SCHEMA, JSON.stringify(modelJsonSchema()), 'json');
  await put(STATUS_SCHEMA, JSON.stringify(statusJsonSchema()), 'json');
  await put(RULES_SCHEMA, JSON.stringify(rulesJsonSchema()), 'json');
}

async function put(path, unformatted, parser) {
  const style = parser === 'markdown' ? {} : await resolveConfig(path);
  const text = await format(unformatted, { ...style, parser });
  const present = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (process.argv.includes('--check')) {
    if (text === present) return;
    console.error(`${relative(root, path)} is stale: run \`node tools/docs.mjs\` and commit the result.`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

await main();
