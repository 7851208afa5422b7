import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A wrapper for rsync in the PATH. The interpreter creates a job's clone with rsync, and repeats that before
 * `after_script`, which removes what the script has created: node_modules, and the artifacts to be kept. A runner does
 * not do that. The wrapper also copies what the runner has kept from an earlier job into a new clone. It passes all
 * other calls to rsync unchanged.
 */
const SCRIPT = `#!/bin/sh
for target; do :; done
case "$* " in
*--delete-excluded*/builds/*)
  made="$target/../.made-$(basename "$target")"
  [ "$(cat "$made" 2>/dev/null)" = "$RUNNER_PIPELINE" ] && exit 0
  PATH=\${PATH#*:} rsync "$@" || exit
  if [ -d "$RUNNER_KEPT" ]; then cp -a "$RUNNER_KEPT/." "$target/" || exit; fi
  echo "$RUNNER_PIPELINE" > "$made"
  ;;
*) PATH=\${PATH#*:} rsync "$@" ;;
esac
`;

/** Environment of the interpreter for one pipeline, in which clones are created once. */
export function copyOnce(
  folder: string,
  env: Readonly<Record<string, string>>,
  pipeline: number,
): Record<string, string> {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'rsync'), SCRIPT);
  chmodSync(join(bin, 'rsync'), 0o755);
  const own = { RUNNER_PIPELINE: String(pipeline), RUNNER_KEPT: join(folder, 'kept') };
  return { ...env, ...own, PATH: `${bin}:${env['PATH'] ?? ''}` };
}
