import type { DteError } from '@org/dte-protocol';

/** Lines of ours in the log of a main job. */
export interface Voice {
  line(text: string): void;
  /** Message, cure and code, each on its line. */
  explain(error: DteError): void;
}

export const stdVoice: Voice = {
  line: (text) => void process.stdout.write(`${text}\n`),
  explain: (error) => void process.stderr.write(`${error.explain()}\n`),
};
