import { roomForConnections } from './descriptors';

const limits = (soft: string): string =>
  [
    'Limit                     Soft Limit           Hard Limit           Units',
    'Max processes             95790                95790                processes',
    `Max open files            ${soft.padEnd(20)} 524288               files`,
    'Max locked memory         8388608              8388608              bytes',
  ].join('\n');

it('reserves a quarter of the file descriptors for files', () => {
  expect(roomForConnections(() => limits('4096'))).toBe(3072);
});

it('sets no limit if there is none, or none is known', () => {
  expect(roomForConnections(() => limits('unlimited'))).toBeNull();
  expect(
    roomForConnections(() => {
      throw new Error('ENOENT: no such file or directory');
    }),
  ).toBeNull();
});
