import type { NetworkInterfaceInfo } from 'node:os';
import { isLoopback, listenHost, outwardHosts, publishedAddresses } from './addresses';

const ip = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;

const machine = {
  lo: [ip('127.0.0.1', true), ip('::1', true)],
  docker0: [ip('172.17.0.1')],
  eth0: [ip('10.1.2.3'), ip('fd00::3'), ip('fe80::1')],
};

describe('listenHost', () => {
  it.each([
    ['an option', { host: '10.0.0.1' }, true, true, '10.0.0.1'],
    ['a main job with other jobs anywhere', {}, true, true, '0.0.0.0'],
    ['a main job with other jobs on its machine', {}, true, false, '127.0.0.1'],
    ['a standalone coordinator', {}, false, true, '127.0.0.1'],
  ] as const)('of %s', (_, config, embedded, isAcrossMachines, expected) => {
    expect(listenHost({ host: undefined, ...config }, embedded, { isAcrossMachines })).toBe(expected);
  });
});

describe('outwardHosts', () => {
  it('is the one configured address', () => {
    expect(outwardHosts('10.9.9.9', machine)).toEqual(['10.9.9.9']);
  });

  it('is every address of the machine that others can reach, networks of containers last', () => {
    expect(outwardHosts('0.0.0.0', machine)).toEqual(['10.1.2.3', '172.17.0.1']);
    expect(outwardHosts('::', machine)).toEqual(['10.1.2.3', 'fd00::3', '172.17.0.1']);
  });

  it('is the loopback address if the machine has no network', () => {
    expect(outwardHosts('0.0.0.0', { lo: machine.lo })).toEqual(['127.0.0.1']);
  });
});

describe('publishedAddresses', () => {
  const place = { advertisedUrl: undefined, host: '::', port: 4000, secure: true };

  it('lists all addresses, with TLS if the coordinator uses it', () => {
    expect(publishedAddresses(place, machine)).toEqual({
      url: 'https://10.1.2.3:4000',
      alternatives: ['https://[fd00::3]:4000', 'https://172.17.0.1:4000'],
    });
  });

  it('lists the configured address first, with the same TLS', () => {
    const given = { ...place, host: '10.1.2.3', advertisedUrl: 'http://build.example.com:9000' };
    expect(publishedAddresses(given, machine)).toEqual({
      url: 'https://build.example.com:9000',
      alternatives: ['https://10.1.2.3:4000'],
    });
  });

  it('lists only one address without TLS, because a wrong one would not be detected', () => {
    const plain = { ...place, secure: false };
    expect(publishedAddresses(plain, machine)).toEqual({ url: 'http://10.1.2.3:4000' });
    const advertisedUrl = 'https://behind-a-proxy.example.com';
    expect(publishedAddresses({ ...plain, advertisedUrl }, machine)).toEqual({ url: advertisedUrl });
  });
});

it('recognizes a loopback address by name and by number', () => {
  expect(['localhost', '127.0.0.1', '127.1.2.3', '::1'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '10.0.0.1', 'localhost.example.com', '::'].some(isLoopback)).toBe(false);
});
