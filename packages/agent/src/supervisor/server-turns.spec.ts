import { ServerTurns } from './server-turns';

let turns: ServerTurns;
let got: string[];
beforeEach(() => {
  turns = new ServerTurns();
  got = [];
});

const take = (user: string, claims: Record<string, string>): Promise<void> =>
  turns.take(user, new Map(Object.entries(claims))).then((granted) => void got.push(`${user} ${granted}`));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('shares a server among users of the same variant, and makes users of another variant wait for all of them', async () => {
  void take('a', { api: 'staging' });
  void take('b', { api: 'staging' });
  void take('c', { api: 'production' });
  void take('d', { web: 'production' });
  await settled();
  expect(got).toEqual(['a true', 'b true', 'd true']);
  turns.leave('a');
  await settled();
  expect(got).toHaveLength(3);
  turns.leave('b');
  await settled();
  expect(got.slice(3)).toEqual(['c true']);
});

it('serves users in order of arrival, so that a busy command does not block another one forever', async () => {
  void take('a', { api: 'staging' });
  void take('b', { api: 'production' });
  void take('c', { api: 'staging' });
  await settled();
  turns.leave('a');
  await settled();
  expect(got).toEqual(['a true', 'b true']);
  turns.leave('b');
  await settled();
  expect(got.slice(2)).toEqual(['c true']);
});

it('lets no user hold one server while it waits for another', async () => {
  void take('a', { api: '1' });
  void take('b', { api: '2', web: '2' });
  void take('c', { web: '1' });
  await settled();
  // Not c: b came first.
  expect(got).toEqual(['a true']);
  turns.leave('b');
  await settled();
  expect(got.slice(1).sort()).toEqual(['b false', 'c true']);
});
