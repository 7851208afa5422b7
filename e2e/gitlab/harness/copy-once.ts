import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Stands before rsync in the PATH. The interpreter makes a job's clone with it, and does so again before `after_script`, which
 * takes away what the script has made: node_modules, and the artifacts that are to be kept. A runner does not. What a runner has
 * kept of an earlier job is put into a new clone. Everything else goes on to rsync as it is.
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

/** Environment of the interpreter for one pipeline, whose clones are made once. */
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
