import { dataDirOf, readModel } from '@org/dte-runner';
import { DteError } from '@org/dte-protocol';
import { junitOf, markdownOf, staticPage, traceOf, withAccuracy, type SessionModel } from '@org/dte-report';
import { Command, Option } from 'commander';
import { cliContext, say, type Flags } from './context';
import { addFlags } from './option-flags';
import { writeOutputFile } from './output-file';

const FORMATS: Readonly<Record<string, (model: SessionModel) => string>> = {
  markdown: markdownOf,
  html: staticPage,
  json: (model) => JSON.stringify(withAccuracy(model)),
  junit: junitOf,
  trace: traceOf,
};

const EXAMPLES = `
Examples:
  $ dte report                                  # a summary in Markdown
  $ dte report --format=html --output=page.html # a page to open in a browser
  $ dte report --format=trace --output=trace.json
  $ dte report --journal=.nx/dte/sessions/local # from what a coordinator has stored

Run it in the job that ran the nx commands. A trace can be opened at https://ui.perfetto.dev or in chrome://tracing.`;

async function modelOfJob(flags: Flags): Promise<SessionModel> {
  const { resolved, workspaceRoot, sessionId } = cliContext(flags);
  const model = await readModel(dataDirOf(resolved, workspaceRoot), sessionId);
  if (model.runs.length > 0) return model;
  throw new DteError(
    'DTE_NO_REPORT',
    `No nx command of session ${sessionId} has recorded anything in this workspace.`,
  );
}

/** Of a bug report: from the folder of a session of any coordinator. */
async function modelOfJournal(path: string): Promise<SessionModel> {
  const { readJournalReport } = await import('@org/dte-coordinator');
  return readJournalReport(path);
}

async function report(flags: Flags & { format?: string; output?: string; journal?: string }): Promise<void> {
  const { format = 'markdown', output, journal, ...options } = flags;
  const model = journal === undefined ? await modelOfJob(options) : await modelOfJournal(journal);
  const text = (FORMATS[format] ?? markdownOf)(model);
  if (output === undefined) say(text.trimEnd());
  else writeOutputFile(output, text);
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('print what the nx commands of this job did, as a report')
    .addOption(
      new Option('--format <format>', 'its format').choices(Object.keys(FORMATS)).default('markdown'),
    )
    .option('--output <file>', 'write it to this file')
    .option(
      '--journal <path>',
      'of a session of any coordinator: its folder, or the file journal.jsonl in it',
    )
    .addHelpText('after', EXAMPLES)
    .action(report);
  return addFlags(command, ['session', 'dataDir']);
}
