/** Flags and commands of the vendor's CLI that pipelines may still have, and what is said about them. */
const HINTS: Readonly<Record<string, string>> = {
  '--agents': 'Agents are jobs of your pipeline that run `dte start-agent`: nothing starts them from here.',
  '--with-env-vars': 'Name the variables in DTE_FORWARD_ENV (or forwardEnv in nx.json).',
  '--use-dte-by-default': 'Every nx command is distributed; pass --no-agents to the ones that must not be.',
  '--no-distribution': 'Leave `dte start-ci-run` out, or pass --no-agents to the nx command.',
  '--assignment-rules':
    'Write the rules into .nx/dte.yaml (docs/assignment-rules.md), which is found without a flag.',
  '--auto-apply-fixes': 'dte does not change your code; take the flag out.',
  '--fix-tasks': 'dte does not change your code; take the flag out.',
  '--targets': 'Agents take every target; take the flag out.',
  '--stop-agents-after-failure': 'The flag is --stop-agents-on-failure.',
};

const COMMANDS: Readonly<Record<string, string>> = {
  'fix-ci': 'dte does not change your code; take the command out.',
  login: 'There is nothing to log in to; take the command out.',
  configure: 'docs/configuration.md lists the options; there is nothing to register.',
  'run-agent': 'The command is start-agent.',
};

/** A hint to append to commander's message about something it does not know; empty when there is none. */
export function foreignHint(message: string): string {
  const option = /unknown option '(--[a-z-]+)/.exec(message)?.[1];
  const command = /unknown command '([a-z-]+)'/.exec(message)?.[1];
  const hint = (option && HINTS[option]) ?? (command && COMMANDS[command]);
  return hint ? `  What to do: ${hint}\n` : '';
}
