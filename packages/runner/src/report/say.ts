import type { TerminalUi } from '@org/dte-nx-compat';
import type { DteError } from '@org/dte-protocol';

/** Our lines in the log of a main job. */
export interface Voice {
  line(text: string): void;
  /** Message, fix and code, each on its own line. */
  explain(error: DteError): void;
}

/** Like `Voice`, for temporary information: the progress of the command. */
export interface CommandVoice extends Voice {
  progress(text: string): void;
  /** Nx has just printed this. Outputs of tasks often end without a newline, and our next line must start one. */
  follows(output: string): void;
}

let isMidLine = false;

export const stdVoice: CommandVoice = {
  line(text) {
    process.stdout.write(`${isMidLine ? '\n' : ''}${text}\n`);
    isMidLine = false;
  },
  follows(output) {
    isMidLine = output !== '' && !output.endsWith('\n');
  },
  progress: (text) => stdVoice.line(text),
  explain: (error) => void process.stderr.write(`${error.explain()}\n`),
};

/** While a terminal UI has the screen, lines are shown in it; all are printed again when the process ends and the screen is back. */
export function aroundUi(
  ui: Pick<TerminalUi, 'note'>,
  voice: CommandVoice,
  atExit: (say: () => void) => void,
): CommandVoice {
  const said: (() => void)[] = [];
  atExit(() => {
    for (const say of said) say();
  });
  return {
    line(text) {
      said.push(() => voice.line(text));
      ui.note(text);
    },
    progress: (text) => ui.note(text),
    // What Nx prints is in the UI until the process ends.
    follows: () => undefined,
    explain(error) {
      said.push(() => voice.explain(error));
      ui.note(error.message);
    },
  };
}
