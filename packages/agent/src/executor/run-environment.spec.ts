import { environmentId, environmentOf } from './run-environment';

it('is what the run says, and what it forwards, a variable without a value being none', () => {
  const spec = { env: { PLAIN: 'p' }, forwardedEnv: ['TOKEN', 'NOT_SET'] };
  expect(environmentOf(spec, { TOKEN: 't', UNASKED: 'u' })).toEqual({
    PLAIN: 'p',
    TOKEN: 't',
    NOT_SET: undefined,
  });
});

it('has an id that follows its values alone, and that tells nothing set from set to nothing', () => {
  const id = environmentId({ A: '1', B: 'secret' });
  expect(environmentId({ B: 'secret', A: '1' })).toBe(id);
  const others = [{ A: '1' }, { A: '1', B: 'other' }, { A: '1', B: undefined }, { A: '1', B: '' }];
  expect(new Set([id, ...others.map(environmentId)]).size).toBe(5);
  expect(id).not.toContain('secret');
});
