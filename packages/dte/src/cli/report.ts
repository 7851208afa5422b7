import { dataDirOf, readModel } from '@org/dte-runner';
import { DteError } from '@org/dte-protocol';
import { junitOf, markdownOf, staticPage, traceOf, type SessionModel } from '@org/dte-report';
import { Command, Option } from 'commander';
import { writeFileSync } from 'node:fs';
import { cliContext, say, type Flags } from './context';
import { addFlags } from './option-flags';

const FORMATS: Readonly<Record<string, (model: SessionModel) => string>> = {
  markdown: markdownOf,
  html: staticPage,
  json: (model) => JSON.stringify(model),
  junit: junitOf,
  trace: traceOf,
};

const EXAMPLES = `
Examples:
  $ dte report                                  # a summary in Markdown
  $ dte report --format=html --output=report.html     # a page to open in a browser
  $ dte report --format=trace --output=trace.json

Run it in the job that ran the nx commands. A trace can be opened at https://ui.perfetto.dev or in chrome://tracing.`;

async function report(flags: Flags & { format?: string; output?: string }): Promise<void> {
  const { format = 'markdown', output, ...options } = flags;
  const { resolved, workspaceRoot, sessionId } = cliContext(options);
  const model = await readModel(dataDirOf(resolved, workspaceRoot), sessionId);
  if (model.runs.length === 0)
    throw new DteError(
      'DTE_NO_REPORT',
      `No nx command of session ${sessionId} has recorded anything in this workspace.`,
    );
  const text = (FORMATS[format] ?? markdownOf)(model);
  if (output === undefined) say(text.trimEnd());
  else writeFileSync(output, text);
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('print what the nx commands of this job did, as a report')
    .addOption(
      new Option('--format <format>', 'its format').choices(Object.keys(FORMATS)).default('markdown'),
    )
    .option('--output <file>', 'write it to this file')
    .addHelpText('after', EXAMPLES)
    .action(report);
  return addFlags(command, ['session', 'dataDir']);
}
