import { NX_VERSIONS } from './install-majors';
import { makeWorkspace } from './support/workspace';

describe.each(NX_VERSIONS)('what hooks have set, nx %s', (version) => {
  it('is what differs from the start of the process, except for .env files and variables that Nx sets itself', async () => {
    const workspace = makeWorkspace(version, {
      // With a reference to a variable of the process, and between files.
      '.env': 'FROM_FILE=file\nOVER_FILE=file\nWITH=$KEPT/$FROM_LOCAL\n',
      '.env.local': 'FROM_LOCAL=local\n',
    });
    try {
      const env = { KEPT: 'job', CHANGED: 'job', GONE: 'job' };
      const { result } = await workspace.run<Record<string, string>>('hook-environment', {}, env);
      expect(result).toEqual({ FROM_HOOK: 'v1', OVER_FILE: 'hook', CHANGED: 'hook', GONE: '(removed)' });
    } finally {
      workspace.remove();
    }
  });
});
