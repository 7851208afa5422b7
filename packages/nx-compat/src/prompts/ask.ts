import { resolveNx } from '../install/nx-install';

interface ParamsModule {
  combineOptionsForGenerator: (
    given: object,
    collection: string,
    generator: string,
    projects: null,
    nxJson: object,
    schema: object,
    isInteractive: boolean,
    defaultProject: undefined,
    folder: string,
  ) => Promise<Record<string, unknown>>;
}

interface Choice {
  readonly value: string;
  /** Shown in place of the value. */
  readonly label: string;
}

/** Nx sets the variable for its generators: `false` with `--no-interactive`. */
const isTerminal = (): boolean =>
  process.stdin.isTTY &&
  process.stdout.isTTY &&
  (process.env['CI'] ?? '') === '' &&
  process.env['NX_INTERACTIVE'] === 'true';

/**
 * Asks which of several choices are wanted, in the way in which this version of Nx asks for a generator's options (the
 * library that it uses is another one since 23).
 * @param selected what is selected at first; also the answer if nobody can be asked
 */
export async function askChoices(
  workspaceRoot: string,
  message: string,
  choices: readonly Choice[],
  selected: readonly string[],
): Promise<readonly string[]> {
  if (!isTerminal()) return selected;
  const params = resolveNx(workspaceRoot).loadOptional<ParamsModule>('src/utils/params');
  if (params === undefined) return selected;
  const schema = {
    properties: {
      answer: {
        type: 'array',
        items: { type: 'string' },
        default: [...selected],
        'x-prompt': { message, type: 'list', multiselect: true, items: choices },
      },
    },
  };
  const { answer } = await params.combineOptionsForGenerator(
    {},
    '@org/dte',
    'setup-gitlab',
    null,
    {},
    schema,
    true,
    undefined,
    '',
  );
  return Array.isArray(answer) ? answer.map(String) : selected;
}
