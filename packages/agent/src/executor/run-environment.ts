/** Applies the variables of a run to this process; those of the previous run are put back first. */
export class RunEnvironment {
  private readonly before = new Map<string, string | undefined>();

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  apply(variables: Readonly<Record<string, string>>): void {
    for (const [name, value] of this.before) this.set(name, value);
    this.before.clear();
    for (const [name, value] of Object.entries(variables)) {
      this.before.set(name, this.env[name]);
      this.set(name, value);
    }
  }

  private set(name: string, value: string | undefined): void {
    if (value === undefined) Reflect.deleteProperty(this.env, name);
    else this.env[name] = value;
  }
}
