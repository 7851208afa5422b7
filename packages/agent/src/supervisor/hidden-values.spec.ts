import { type AttemptResult } from '@org/dte-protocol';
import { HiddenValues } from './hidden-values';

const hidden = new HiddenValues();
hidden.add(['tr0ub4dor', 'short', '-----BEGIN KEY-----\nline-one\nab\n']);
const reason = { code: 'DTE_NX_FAILED', message: 'Nx says tr0ub4dor' } as const;

it('masks values in a text, each line of a long one, and nothing that is too short to be a secret', () => {
  expect(hidden.in('a tr0ub4dor, tr0ub4dor, line-one, short, ab')).toBe(
    'a [MASKED], [MASKED], [MASKED], short, ab',
  );
});

it('masks them in everything that is reported about an attempt', () => {
  const finished: AttemptResult = {
    kind: 'finished',
    status: 'failure',
    code: 1,
    fromCache: null,
    hash: '1',
    artifact: { kind: 'none' },
    startMs: 1,
    endMs: 2,
    reason,
    hashDetails: null,
    drift: { agreed: '2', checkout: null, runtime: { 'echo $KEY': 'tr0ub4dor' }, env: { KEY: true } },
    servers: [{ taskId: 'app:serve', failed: true, ended: 'with tr0ub4dor', output: 'tr0ub4dor\n' }],
  };
  for (const result of [finished, { kind: 'returned', reason } as const]) {
    const shown = hidden.inResult(result);
    expect(JSON.stringify(shown)).not.toContain('tr0ub4dor');
    expect(shown).toMatchObject({ reason: { code: 'DTE_NX_FAILED', message: 'Nx says [MASKED]' } });
  }
});

it('does not change results if nothing is forwarded', () => {
  const result: AttemptResult = { kind: 'returned', reason };
  expect(new HiddenValues().inResult(result)).toBe(result);
});
