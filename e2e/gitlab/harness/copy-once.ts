import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Stands before rsync in the PATH. The interpreter makes a job's clone with it, and does so again before `after_script`, which
 * takes away what the script has made: node_modules, and the artifacts that are to be kept. A runner does not. Everything
 * else goes on to rsync as it is.
 */
const SCRIPT = `#!/bin/sh
for target; do :; done
case "$* " in
*--delete-excluded*/builds/*)
  made="$target/../.made-$(basename "$target")"
  [ "$(cat "$made" 2>/dev/null)" = "$RUNNER_PIPELINE" ] && exit 0
  PATH=\${PATH#*:} rsync "$@" && echo "$RUNNER_PIPELINE" > "$made"
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
  return { ...env, PATH: `${bin}:${env['PATH'] ?? ''}`, RUNNER_PIPELINE: String(pipeline) };
}
