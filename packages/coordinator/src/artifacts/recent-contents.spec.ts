import { RecentContents } from './recent-contents';

const content = (letter: string, bytes: number): Buffer => Buffer.alloc(bytes, letter);

describe('what was stored last', () => {
  it('is there until newer ones need its place', () => {
    const recent = new RecentContents(2_000);
    for (const letter of ['a', 'b']) recent.keep(letter, content(letter, 1_000), letter);
    expect(recent.get('a')).toEqual({ bytes: 1_000, sha256: 'a', body: content('a', 1_000) });
    recent.keep('c', content('c', 1), 'c');
    expect(['a', 'b', 'c'].map((path) => recent.get(path)?.bytes ?? null)).toEqual([null, 1_000, 1]);
    recent.keep('d', content('d', 2_000), 'd');
    expect(['a', 'b', 'c', 'd'].map((path) => recent.get(path)?.bytes ?? null)).toEqual([
      null,
      null,
      null,
      2_000,
    ]);
  });

  it('is counted once', () => {
    const recent = new RecentContents(2_000);
    for (let times = 0; times < 10; times++) recent.keep('a', content('a', 900), 'a');
    recent.keep('b', content('b', 900), 'b');
    expect(recent.get('a')).not.toBeNull();
    expect(recent.get('b')).not.toBeNull();
  });

  it('is a copy, and small', () => {
    const recent = new RecentContents();
    const arrived = content('a', 100);
    recent.keep('a', arrived, 'a');
    arrived.fill('b');
    expect(recent.get('a')?.body).toEqual(content('a', 100));
    recent.keep('large', content('l', 16 * 1024 + 1), 'large');
    expect(recent.get('large')).toBeNull();
  });
});
