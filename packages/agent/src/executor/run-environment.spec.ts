import { environmentId, environmentOf } from './run-environment';

it('contains the variables of the run and the forwarded ones, without those that have no value', () => {
  const spec = { env: { PLAIN: 'p' }, forwardedEnv: ['TOKEN', 'NOT_SET'] };
  expect(environmentOf(spec, { TOKEN: 't', UNASKED: 'u' })).toEqual({
    PLAIN: 'p',
    TOKEN: 't',
    NOT_SET: undefined,
  });
});

it('has an id that depends only on its values, and that distinguishes unset from empty', () => {
  const id = environmentId({ A: '1', B: 'secret' });
  expect(environmentId({ B: 'secret', A: '1' })).toBe(id);
  const others = [{ A: '1' }, { A: '1', B: 'other' }, { A: '1', B: undefined }, { A: '1', B: '' }];
  expect(new Set([id, ...others.map(environmentId)]).size).toBe(5);
  expect(id).not.toContain('secret');
});
