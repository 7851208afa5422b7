// Writes docs/configuration.md from the one schema of all options and from the protocol's limits, and the JSON schema of
// .nx/dte.yaml. `--check` writes nothing and fails when a file is not what would be written.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { buildAll } from './build.mjs';
import { root } from './lib/packages.mjs';

const CONFIGURATION = join(root, 'docs', 'configuration.md');
const RULES_SCHEMA = join(root, 'packages', 'dte', 'schemas', 'dte.schema.json');

const escape = (text) => text.replaceAll('|', '\\|');
const code = (text) => (text === null ? '–' : `\`${text}\``);
const row = (cells) => `| ${cells.map(escape).join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function optionRow({ name, about }) {
  const unit = about.unit === undefined ? '' : ` (${about.unit})`;
  return [
    code(name),
    about.description + unit,
    about.defaultText,
    code(about.env),
    code(about.flag),
    about.nxJson ? 'yes' : 'no',
  ];
}

const limitRow = ([name, { value, unit, env, why }]) => [code(name), `${value} ${unit}`, code(env), why];

function render(options, limits) {
  const limitNames = new Set(Object.keys(limits));
  return `<!-- Written by \`node tools/docs.mjs\` from packages/config/src/options/schema.ts. Do not edit. -->

# Configuration

Every option has one name and may be set in several places. The first that has it wins:

1. the flag of a \`dte\` command,
2. the variable in the environment,
3. \`nx.json\`: \`tasksRunnerOptions.default.options\`, for the options marked so,
4. the default.

A value that makes no sense stops \`dte\` commands with \`DTE_BAD_CONFIG\`, which names option, value and source; an nx
command says so and runs undistributed. Unknown \`DTE_*\` variables and unknown options are warned about.

\`\`\`json
{
  "tasksRunnerOptions": {
    "default": { "runner": "@org/dte", "options": { "accessToken": "dte", "agentWaitMs": 120000 } }
  }
}
\`\`\`

\`accessToken\` is what makes Nx 21 and later call a runner at all. It is a switch and no secret: any text will do.

## Options

${table(
  ['Option', 'What it is', 'Default', 'Variable', 'Flag', 'In nx.json'],
  options.filter(({ name }) => !limitNames.has(name)).map(optionRow),
)}

## Limits

Every queue, frame, wait and retry has a limit. Those with a variable can be set like any option, in nx.json by their
name; the others are part of what both sides agree on.

${table(['Limit', 'Default', 'Variable', 'Why'], Object.entries(limits).map(limitRow))}
`;
}

async function main() {
  await buildAll();
  const require = createRequire(import.meta.url);
  const { OPTIONS } = require('../packages/config/dist/index.js');
  const { LIMITS } = require('../packages/protocol/dist/index.js');
  const { rulesJsonSchema } = require('../packages/dte/dist/assignment/schema.js');
  await put(CONFIGURATION, render(OPTIONS, LIMITS), 'markdown');
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
