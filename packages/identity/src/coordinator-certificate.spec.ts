import { X509Certificate } from 'node:crypto';
import { createCoordinatorCertificate, pinOf } from './coordinator-certificate';

const NOW_MS = Date.UTC(2031, 0, 2, 3, 4, 5);

describe('createCoordinatorCertificate', () => {
  const made = createCoordinatorCertificate(NOW_MS);
  const certificate = new X509Certificate(made.cert);

  it('creates a self-signed certificate for a P-256 key', () => {
    expect(certificate.publicKey.asymmetricKeyType).toBe('ec');
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.subject).toBe('CN=dte coordinator');
  });

  it('is valid from yesterday, for longer than a job runs', () => {
    expect(new Date(certificate.validFrom).getTime()).toBe(NOW_MS - 86_400_000);
    expect(new Date(certificate.validTo).getTime()).toBe(NOW_MS + 30 * 86_400_000);
  });

  it('returns the pin that a client computes from the certificate', () => {
    expect(made.pin).toMatch(/^sha256\/[A-Za-z0-9+/]{43}=$/);
    expect(pinOf(made.cert)).toBe(made.pin);
    expect(pinOf(certificate)).toBe(made.pin);
  });

  it('creates another key and another serial number each time', () => {
    const others = Array.from({ length: 50 }, () => createCoordinatorCertificate(NOW_MS));
    expect(new Set(others.map(({ pin }) => pin)).size).toBe(50);
    expect(new Set(others.map(({ cert }) => new X509Certificate(cert).serialNumber)).size).toBe(50);
  });
});
