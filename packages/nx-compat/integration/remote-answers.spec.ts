import { NX_VERSIONS } from './install-majors';
import type { RemoteAnswersResult } from './scenarios/remote-answers';
import { makeWorkspace } from './support/workspace';

const MISCONFIGURED = 'throws Misconfigured remote cache endpoint';
const UNREACHABLE = 'throws Failed to send request';

describe.each(NX_VERSIONS)("how Nx's own HTTP cache treats a server's answer, nx %s", (version) => {
  it('is what TruthfulRemoteCache expects', async () => {
    const workspace = makeWorkspace(version, {});
    try {
      const { result } = await workspace.run<RemoteAnswersResult>('remote-answers');
      expect(result).toEqual({
        requests: 1,
        store: {
          normal: 'true',
          201: MISCONFIGURED,
          204: MISCONFIGURED,
          400: MISCONFIGURED,
          401: 'throws Unauthorized',
          // Nx ignores these two: after the first, nothing is stored; after the second, another artifact may be there.
          403: 'false',
          409: 'false',
          404: MISCONFIGURED,
          413: MISCONFIGURED,
          500: MISCONFIGURED,
          503: MISCONFIGURED,
          cut: UNREACHABLE,
          refused: UNREACHABLE,
        },
        retrieve: {
          normal: 'result',
          201: MISCONFIGURED,
          204: MISCONFIGURED,
          400: MISCONFIGURED,
          401: 'throws Unauthorized',
          403: MISCONFIGURED,
          404: 'null',
          409: MISCONFIGURED,
          413: MISCONFIGURED,
          500: MISCONFIGURED,
          503: MISCONFIGURED,
          cut: UNREACHABLE,
          refused: UNREACHABLE,
        },
      });
    } finally {
      workspace.remove();
    }
  });
});
