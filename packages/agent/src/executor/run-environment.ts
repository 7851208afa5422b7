/** Applies the variables of a run to this process; those of the previous run are put back first. */
export class RunEnvironment {
  private readonly before = new Map<string, string | undefined>();
  private applied: Readonly<Record<string, string>> = {};

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** @returns whether that changed anything */
  apply(variables: Readonly<Record<string, string>>): boolean {
    if (isSame(this.applied, variables)) return false;
    for (const [name, value] of this.before) this.set(name, value);
    this.before.clear();
    for (const [name, value] of Object.entries(variables)) {
      this.before.set(name, this.env[name]);
      this.set(name, value);
    }
    this.applied = variables;
    return true;
  }

  private set(name: string, value: string | undefined): void {
    if (value === undefined) Reflect.deleteProperty(this.env, name);
    else this.env[name] = value;
  }
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
