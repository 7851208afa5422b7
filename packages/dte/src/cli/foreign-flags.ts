/** Flags and commands of the vendor's CLI that pipelines may still contain, and the hint for each. */
const HINTS: Readonly<Record<string, string>> = {
  '--agents':
    'Agents are jobs of your pipeline that run `dte start-agent`. This command does not start them.',
  '--with-env-vars': 'List the variables in DTE_FORWARD_ENV (or forwardEnv in nx.json).',
  '--use-dte-by-default': 'Every nx command is distributed. Pass --no-agents to commands that must not be.',
  '--no-distribution': 'Remove `dte start-ci-run`, or pass --no-agents to the nx command.',
  '--assignment-rules':
    'Write the rules to .nx/dte.yaml (docs/how-to/assignment-rules.md), which is read without a flag.',
  '--auto-apply-fixes': 'dte does not change your code; remove the flag.',
  '--fix-tasks': 'dte does not change your code; remove the flag.',
  '--targets': 'Agents take every target; remove the flag.',
  '--stop-agents-after-failure': 'Use the flag --stop-agents-on-failure.',
};

const COMMANDS: Readonly<Record<string, string>> = {
  'fix-ci': 'dte does not change your code; remove the command.',
  login: 'There is nothing to log in to; remove the command.',
  configure: 'docs/reference/configuration.md lists the options; there is nothing to register.',
  'run-agent': 'Use the command start-agent.',
};

/** A hint to append to commander's error about an unknown flag or command; empty if there is none. */
export function foreignHint(message: string): string {
  const option = /unknown option '(--[a-z-]+)/.exec(message)?.[1];
  const command = /unknown command '([a-z-]+)'/.exec(message)?.[1];
  const hint = (option && HINTS[option]) ?? (command && COMMANDS[command]);
  return hint ? `  What to do: ${hint}\n` : '';
}
