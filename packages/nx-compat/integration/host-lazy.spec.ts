import { LAZY_MODULES } from '../src/host/lazy-modules';
import { NX_VERSIONS } from './install-majors';
import type { HostLazyResult } from './scenarios/host-lazy';
import { makeWorkspace, project, type Workspace } from './support/workspace';

describe.each(NX_VERSIONS)('modules that no executor uses, nx %s', (version) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = makeWorkspace(version, project('one', { build: 'echo one' }));
  });
  afterEach(() => workspace.remove());

  const start = async (host: boolean, sharedGraph?: string | null): Promise<HostLazyResult> =>
    (await workspace.run<HostLazyResult>('host-lazy', { host, sharedGraph: sharedGraph ?? undefined }))
      .result;
  const lazyOf = (loaded: readonly string[]): string[] =>
    LAZY_MODULES.filter((name) =>
      loaded.some((path) => path.includes(`${name}/`) || path.endsWith(`${name}.js`)),
    );

  it('are not loaded, and work when something uses them', async () => {
    const plain = await start(false);
    const first = await start(true);
    const ours = await start(true, first.stored);
    for (const { status, edited } of [first, ours])
      expect({ status, edited }).toEqual({ status: 'success', edited: plain.edited });
    // As long as Nx itself loads them, it is worth to name them.
    expect(lazyOf(plain.loaded)).toEqual(expect.arrayContaining(['semver', 'yaml']));
    expect(lazyOf(ours.loaded)).toEqual([]);
    expect(plain.edited).toContain('libs/two');
  });
});
