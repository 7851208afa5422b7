/*
 * Variables of the vendor, in `variables:` and in scripts. NX_CLOUD_ACCESS_TOKEN is harmful: with it, Nx treats the
 * workspace as the vendor's and never calls our runner.
 */
const RENAMED: Readonly<Record<string, string>> = {
  NX_CI_EXECUTION_ENV: 'DTE_ENVIRONMENT',
  NX_AGENT_NAME: 'DTE_NAME',
  // The kind of an agent, which assignment rules name.
  NX_AGENT_LAUNCH_TEMPLATE: 'DTE_LABELS',
};

const GONE: Readonly<Record<string, string>> = {
  NX_CLOUD_ACCESS_TOKEN: "with it Nx would contact the vendor's service instead of calling dte",
  NX_CLOUD_AUTH_TOKEN: "with it Nx would contact the vendor's service instead of calling dte",
  NX_NO_CLOUD: 'it disables the runner on Nx 22.7 and later; nothing is contacted without it either',
  NX_CI_EXECUTION_ID: 'main job and agents of a pipeline find each other without it',
};

export interface VariableFate {
  /** Null: it is removed. */
  readonly to: string | null;
  readonly note: string | null;
}

/** What happens to a variable; null for variables of others. */
export function fateOf(name: string): VariableFate | null {
  const to = RENAMED[name];
  if (to !== undefined) return { to, note: null };
  const why = GONE[name] ?? (name.startsWith('NX_CLOUD_') ? 'dte has no such variable' : undefined);
  return why === undefined ? null : { to: null, note: why };
}

const ALONE = /^([ \t]*)(?:export[ \t]+)?(NX_\w+)=(?:"[^"\n]*"|'[^'\n]*'|[^\s"';&|]*)[ \t]*(?=#|$)/gm;
const RENAME = new RegExp(String.raw`\b(${Object.keys(RENAMED).join('|')})(?==)`, 'g');

export interface Assignment {
  readonly name: string;
  readonly fate: VariableFate;
}

/** Shell text with assignments of vendor variables renamed, or replaced by `true` if they are a separate command. */
export function rewriteAssignments(text: string): { text: string; found: readonly Assignment[] } {
  const found: Assignment[] = [];
  const edited = text
    .replace(ALONE, (whole, indent: string, name: string) => {
      const fate = fateOf(name);
      if (fate?.to !== null) return whole;
      found.push({ name, fate });
      return `${indent}true`;
    })
    .replace(RENAME, (name) => {
      const fate = fateOf(name);
      if (fate?.to == null) return name;
      found.push({ name, fate });
      return fate.to;
    });
  return { text: edited, found };
}
