import { selfSignedCertificate, testLimits, type TestCertificate, waitFor } from '@org/dte-testing';
import { pino } from 'pino';
import { TlsFiles } from './tls-files';

const made = [selfSignedCertificate({ days: 30 }), selfSignedCertificate({ days: 30 })] as const;
const itWithOpenssl = made.includes(null) ? it.skip : it;
const [first, second] = made as unknown as [TestCertificate, TestCertificate];

describe('the files of a certificate', () => {
  let found: TestCertificate;
  let looks: number;
  let lines: string[];
  let contexts: number;
  let files: TlsFiles;

  beforeEach(async () => {
    [found, looks, lines, contexts] = [first, 0, [], 0];
    files = await TlsFiles.open(
      { cert: 'tls.crt', key: 'tls.key' },
      {
        fs: {
          readFile: ((path: string) => {
            if (path.endsWith('.key')) looks++;
            return Promise.resolve(path.endsWith('.key') ? found.key : found.cert);
          }) as never,
        },
        limits: testLimits({ tlsReloadMs: 1 }),
        logger: pino({}, { write: (line: string) => void lines.push(line) }),
        now: () => Date.now() - 1_000,
      },
    );
    files.watch({ setSecureContext: () => contexts++ });
  });
  afterEach(() => files.close());

  /** Puts files there, for so many looks at least. */
  async function put(next: TestCertificate, atLeast: number): Promise<void> {
    found = next;
    const before = looks;
    await waitFor('the next look', () => looks > before + atLeast);
  }

  itWithOpenssl(
    'read between the two renames of a renewal, are no trouble that anybody hears of',
    async () => {
      // Exactly one look: the one after it finds both.
      const next = new Promise<void>((resolve) => {
        const half = { cert: second.cert, key: first.key };
        let asked = 0;
        Object.defineProperty(half, 'key', {
          get: () => {
            if (++asked === 1) found = second;
            resolve();
            return first.key;
          },
        });
        found = half;
      });
      await next;
      await waitFor('the new pair', () => contexts === 1);
      expect(lines.filter((line) => line.includes('cannot be used'))).toEqual([]);
      expect(lines.filter((line) => line.includes('new TLS certificate in use'))).toHaveLength(1);
    },
  );

  itWithOpenssl(
    'are in the log once while they stay wrong, and again when they are wrong another time',
    async () => {
      const bad = { cert: second.cert, key: first.key };
      const said = (): number => lines.filter((line) => line.includes('the key is not that of')).length;
      await put(bad, 5);
      expect(said()).toBe(1);
      await put(first, 3);
      await put(bad, 5);
      expect(said()).toBe(2);
      expect(contexts).toBe(0);
    },
  );
});
