import { DteError } from '@org/dte-protocol';
import { aroundUi, stdVoice } from './say';

it('prints again at the end what a terminal UI has shown, in the same order', () => {
  const shown: string[] = [];
  const printed: string[] = [];
  let atExit = (): void => undefined;
  const voice = aroundUi(
    { note: (line) => void shown.push(line) },
    {
      line: (text) => void printed.push(text),
      progress: () => void printed.push('never'),
      follows: () => void printed.push('never'),
      explain: ({ code }) => void printed.push(code),
    },
    (say) => (atExit = say),
  );
  voice.line('dte: 2 agents');
  voice.progress('dte: 1 of 3');
  voice.explain(new DteError('DTE_INTERNAL', 'no'));
  voice.line('dte: 3 tasks');
  expect(shown).toEqual(['dte: 2 agents', 'dte: 1 of 3', 'no', 'dte: 3 tasks']);
  expect(printed).toEqual([]);
  atExit();
  expect(printed).toEqual(['dte: 2 agents', 'DTE_INTERNAL', 'dte: 3 tasks']);
});

it('starts a line of its own after an output without a newline at its end', () => {
  let written = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
  stdVoice.follows('exited with non-zero status code');
  stdVoice.progress('dte: 1/2 done');
  stdVoice.progress('dte: 2/2 done');
  stdVoice.follows('all passed\n');
  stdVoice.line('dte: 2 tasks');
  write.mockRestore();
  expect(written).toBe('\ndte: 1/2 done\ndte: 2/2 done\ndte: 2 tasks\n');
});
