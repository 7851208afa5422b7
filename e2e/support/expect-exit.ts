import type { Pipeline, ProcessExit } from '@org/dte-testing';
import { plain } from './log';

const LAST_LINES = 80;
const tail = (text: string): string => text.split('\n').slice(-LAST_LINES).join('\n');

/** Like `expect(exit.code).toBe(code)`, but a failure shows the last output of all processes. */
export function expectExit(exit: ProcessExit, code: number, pipeline?: Pipeline): void {
  if (exit.code === code) return;
  const others = pipeline === undefined ? '' : `\n${plain(pipeline.describe())}`;
  const end = String(exit.code ?? exit.signal);
  throw new Error(
    `Exit code ${code} expected, ${end} received. The end of the log:\n${tail(plain(exit.output))}${others}`,
  );
}
