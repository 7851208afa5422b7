import { NX_VERSIONS } from './install-majors';
import type { WithoutLanguagesResult } from './scenarios/without-languages';
import { makeWorkspace, type Workspace } from './support/workspace';

describe("zod's texts in other languages", () => {
  let workspace: Workspace;
  // Any: Nx is not loaded.
  beforeEach(() => (workspace = makeWorkspace(NX_VERSIONS[0] ?? '', {})));
  afterEach(() => workspace.remove());

  it('are loaded when they are used', async () => {
    const { result } = await workspace.run<WithoutLanguagesResult>('without-languages');
    expect(result.atFirst).toBe(1);
    expect(result.whenUsed).toBeGreaterThan(20);
    expect(result.message).toContain('expected string');
    expect(result.german).not.toBe(result.message);
  });
});
