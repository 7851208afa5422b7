type Variables = Readonly<Record<string, string | undefined>>;

/** Makes the variables of this process exactly these. @returns whether that changed anything */
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
 * The variables of an executor's process belong to one command at a time. What one command has set is gone when the next one
 * begins, when the host is made again for another address, and for each further task: also what code of the workspace that Nx
 * loads into this process (a hasher, say) has left in it.
 */
export class HostEnvironment {
  private readonly own: Variables = { ...process.env };
  private base: Variables = this.own;

  /** What is set now is what every command finds, and keeps of it what it has no value of its own for. */
  settle(): void {
    this.base = { ...process.env };
  }

  /** @param variables of a command; undefined: not set, whatever the agent has. @returns whether that changed anything */
  enter(variables: Variables): boolean {
    return become({ ...this.base, ...variables });
  }

  /** As before this was made. */
  restore(): void {
    become(this.own);
  }
}
