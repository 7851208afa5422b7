import { sharedCacheContract } from '@org/dte-testing';
import { S3Bench } from './s3-bench';

// As S3 and MinIO do, and as servers do that know no conditional writes and take them for usual ones.
for (const conditions of ['obeys', 'ignores'] as const) {
  describe(`a server that ${conditions} conditions`, () => {
    const bench = new S3Bench(conditions);
    beforeAll(() => bench.start());
    afterEach(() => bench.closeCaches());
    afterAll(() => bench.close());

    sharedCacheContract('s3', async () => {
      const prefix = bench.emptyPrefix();
      return {
        store: bench.open({ prefix }),
        reopen: async () => bench.open({ prefix }),
        cleanUp: () => bench.closeCaches(),
      };
    });
  });
}
