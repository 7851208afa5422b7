import { reasonOf } from './patient-client';

it('the reason of a refusal is one line that a terminal can be given, whoever answers in the place of GitLab', () => {
  const body = '{"message":\n "no\u001b[2J \u202eway"}';
  expect(reasonOf({ status: 403, headers: {}, body })).toBe('status 403: {"message": "no [2J  way"}');
  expect(reasonOf({ status: 403, headers: {}, body: 'x'.repeat(5_000) }).length).toBeLessThan(300);
  expect(reasonOf({ status: 403, headers: {}, body: '\u0000' })).toBe('status 403');
});
