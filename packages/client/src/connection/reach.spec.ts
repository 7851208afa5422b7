import { DteError } from '@org/dte-protocol';
import { Reach } from './reach';

const address = (generation: string, urls = ['http://a', 'http://b']) => ({ urls, pin: null, generation });

it('records since when an address does not answer, and starts again for another generation', () => {
  const reach = new Reach(5_000);
  expect(reach.unreached).toBeNull();
  reach.begin(address('1'), 100);
  reach.begin(address('1'), 900);
  expect(reach.unreached).toEqual({ generation: '1', urls: ['http://a', 'http://b'], sinceMs: 100 });
  reach.begin(address('2'), 1_000);
  expect(reach.unreached).toMatchObject({ generation: '2', sinceMs: 1_000 });
});

it('reports nothing for an address that has answered, or that was withdrawn', () => {
  const reach = new Reach(5_000);
  reach.begin(address('1'), 0);
  reach.reached('http://a');
  reach.begin(address('1'), 50);
  expect(reach.unreached).toBeNull();
  reach.begin(address('2'), 100);
  reach.forget();
  expect(reach.unreached).toBeNull();
  reach.begin(address('2'), 200);
  expect(reach.unreached).toMatchObject({ sinceMs: 200 });
});

it('tries the address that answered last first, while it is still published', () => {
  const reach = new Reach(5_000);
  reach.begin(address('1'), 0);
  reach.reached('http://b');
  expect(reach.begin(address('1'), 1)).toEqual(['http://b', 'http://a']);
  expect(reach.begin(address('2', ['http://c']), 2)).toEqual(['http://c']);
});

it('fails on a wrong key only after a while, and on everything else at once', () => {
  const reach = new Reach(5_000);
  const impostor = new DteError('DTE_PIN_MISMATCH', 'another key');
  reach.begin(address('1'), 0);
  expect(reach.isFinal(new DteError('DTE_BAD_SECRET', 'no'), 0)).toBe(true);
  expect(reach.isFinal(impostor, 1_000)).toBe(false);
  expect(reach.isFinal(impostor, 5_999)).toBe(false);
  expect(reach.isFinal(impostor, 6_000)).toBe(true);
  // The retried main job has published: wait for its key now.
  reach.begin(address('2'), 6_001);
  expect(reach.isFinal(impostor, 6_002)).toBe(false);
});
