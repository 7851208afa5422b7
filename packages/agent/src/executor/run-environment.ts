type Variables = Readonly<Record<string, string | undefined>>;

/** Applies the variables of a run to this process, undefined removing one; those of the previous run are put back first. */
export class RunEnvironment {
  private readonly before = new Map<string, string | undefined>();
  private applied: Variables = {};

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** @returns whether that changed anything */
  apply(variables: Variables): boolean {
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

function isSame(a: Variables, b: Variables): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && a[name] === b[name]);
}
