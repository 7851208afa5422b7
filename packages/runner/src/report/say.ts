import type { TerminalUi } from '@org/dte-nx-compat';
import type { DteError } from '@org/dte-protocol';

/** Lines of ours in the log of a main job. */
export interface Voice {
  line(text: string): void;
  /** Message, cure and code, each on its line. */
  explain(error: DteError): void;
}

/** As `Voice`, for what is of interest now and not later: how far the command is. */
export interface CommandVoice extends Voice {
  progress(text: string): void;
}

export const stdVoice: CommandVoice = {
  line: (text) => void process.stdout.write(`${text}\n`),
  progress: (text) => stdVoice.line(text),
  explain: (error) => void process.stderr.write(`${error.explain()}\n`),
};

/** While a terminal UI has the screen: a line is shown in it, and everything is sent again when the process ends and the screen is back. */
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
    explain(error) {
      said.push(() => voice.explain(error));
      ui.note(error.message);
    },
  };
}
