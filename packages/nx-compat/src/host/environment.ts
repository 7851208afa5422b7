type Variables = Readonly<Record<string, string | undefined>>;

/** Sets the variables of this process to exactly these. @returns whether anything changed */
function become(wanted: Variables): boolean {
  let isOther = false;
  for (const name of Object.keys(process.env)) {
    if (wanted[name] !== undefined) continue;
    Reflect.deleteProperty(process.env, name);
    isOther = true;
  }
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined || process.env[name] === value) continue;
    process.env[name] = value;
    isOther = true;
  }
  return isOther;
}

/**
 * The variables of an executor process are set for one command at a time. The variables of a command are removed when
 * the next one starts, when the host is created again for another address, and for each further task. This includes
 * variables that workspace code loaded by Nx (a hasher, for example) has set.
 */
export class HostEnvironment {
  private readonly own: Variables = { ...process.env };
  private base: Variables = this.own;

  /** The current variables are the base for every command, except where a command has its own value. */
  settle(): void {
    this.base = { ...process.env };
  }

  /** @param variables of a command; undefined: not set, whatever the agent has. @returns whether anything changed */
  enter(variables: Variables): boolean {
    return become({ ...this.base, ...variables });
  }

  /** Restores the variables from before. */
  restore(): void {
    become(this.own);
  }
}
