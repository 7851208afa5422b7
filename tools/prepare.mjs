// npm calls this after every install in this repository. It does nothing, but in a job of this repository's own pipeline
// (.gitlab-ci.yml sets BUILD_AFTER_INSTALL), which is distributed by the very packages that it builds and tests: there they are
// built, and a copy of what was built is put where `npx dte` and Nx find it. A copy, because tasks of the pipeline
// write packages/*/dist while it runs.
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { publishablePackages, root } from './lib/packages.mjs';

if (process.env.BUILD_AFTER_INSTALL === 'true') {
  const { buildAll } = await import('./build.mjs');
  await buildAll();
  // Below the root: what they depend on is found in the node_modules there.
  const copies = join(root, 'tmp', 'own-pipeline', 'node_modules');
  rmSync(copies, { recursive: true, force: true });
  for (const { path, manifest } of publishablePackages()) {
    const copy = join(copies, manifest.name);
    for (const part of ['package.json', 'dist', 'node_modules'].filter((name) =>
      existsSync(join(path, name)),
    ))
      cpSync(join(path, part), join(copy, part), { recursive: true });
    for (const [name, file] of Object.entries(manifest.bin ?? {})) {
      const link = join(root, 'node_modules', '.bin', name);
      mkdirSync(join(link, '..'), { recursive: true });
      rmSync(link, { force: true });
      symlinkSync(join(copy, file), link);
    }
  }
}
