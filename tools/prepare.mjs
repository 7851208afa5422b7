// npm calls this after every install in this repository. It acts only in a job of this repository's own pipeline
// (.gitlab-ci.yml sets BUILD_AFTER_INSTALL), which is distributed by the packages that it builds and tests. There, it
// builds the packages and puts a copy where `npx dte` and Nx find it. A copy, because tasks of the pipeline write
// packages/*/dist while it runs.
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { publishablePackages, root } from './lib/packages.mjs';

if (process.env.BUILD_AFTER_INSTALL === 'true') {
  const { buildAll } = await import('./build.mjs');
  await buildAll();
  // Below the root, so that their dependencies are found in its node_modules.
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
