import { neighbourhoodOf } from './neighbourhood';

describe('connections count together', () => {
  it.each([
    ['of one IPv4 address', '192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1'],
    ['of one IPv6 network', '2001:db8:1:2::1', '2001:DB8:1:2:3:4:5:6', '2001:0db8:0001:0002::'],
    ['of this machine', '::1', '::2', '0:0:0:0:0:0:0:1'],
    ['of one link', 'fe80::1%eth0', 'fe80::2%eth1'],
  ])('%s', (_, first, ...others) => {
    for (const other of others) expect(neighbourhoodOf(other)).toBe(neighbourhoodOf(first));
  });

  it.each([
    ['two IPv4 addresses', '192.0.2.1', '192.0.2.2'],
    ['two IPv6 networks', '2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['a network and a shorter way to write another', '2001:db8::1:2:3:4:5', '2001:db8:1:2:3:4:5:6'],
  ])('but not of %s', (_, first, second) => {
    expect(neighbourhoodOf(first)).not.toBe(neighbourhoodOf(second));
  });

  it('if they have no address', () => {
    expect(neighbourhoodOf('')).toBe('');
  });
});
