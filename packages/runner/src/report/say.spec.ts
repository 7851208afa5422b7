import { DteError } from '@org/dte-protocol';
import { aroundUi } from './say';

it('prints again at the end what a terminal UI has shown, in the same order', () => {
  const shown: string[] = [];
  const printed: string[] = [];
  let atExit = (): void => undefined;
  const voice = aroundUi(
    { note: (line) => void shown.push(line) },
    {
      line: (text) => void printed.push(text),
      progress: () => void printed.push('never'),
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
