import { type ArtifactReader, type ArtifactWriter, type TaskHost } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';

export interface Address {
  readonly url: string;
  readonly token: string;
}

/** nx-compat's `createTaskHost`, bound to a workspace. */
export type CreateHost = (given: CreateHostOptions) => Promise<TaskHost>;

interface CreateHostOptions extends Carriers {
  readonly remoteCache: Address | undefined;
  readonly sharedGraph: string | undefined;
}

/** How artifacts get to the executor's Nx and from it. */
export interface Carriers {
  readonly reader: ArtifactReader;
  readonly writer: ArtifactWriter;
}

/**
 * The executor's Nx. It is created before the coordinator is known, because that builds the project graph. Nx keeps the
 * address of its remote cache from when it opens it, so another address or token requires another host.
 */
export class HostHolder {
  private host: TaskHost | null = null;
  private hostAddress: Address | undefined;
  private wanted: Address | undefined;
  private making: Promise<TaskHost> | null = null;

  constructor(
    private readonly create: CreateHost,
    private readonly carriers: Carriers,
    /** Kept from host to host: another address is no reason to ask all plugins again. */
    private sharedGraph: string | undefined,
  ) {}

  setAddress(address: Address): void {
    this.wanted = address;
  }

  /** Null before `setAddress`. */
  get address(): Address | undefined {
    return this.wanted;
  }

  /** The host for the latest address. Never call it while a task runs. @throws DteError DTE_EXECUTOR_START */
  async get(): Promise<TaskHost> {
    // Sequentially: two would patch the same Nx.
    while (this.making !== null) await this.making.catch(() => undefined);
    if (this.host !== null && sameAddress(this.hostAddress, this.wanted)) return this.host;
    this.making = this.make(this.host, this.wanted);
    return this.making;
  }

  private async make(current: TaskHost | null, address: Address | undefined): Promise<TaskHost> {
    try {
      await current?.close();
      this.host = null;
      const { carriers, sharedGraph } = this;
      const host = await this.create({ remoteCache: address, ...carriers, sharedGraph });
      this.sharedGraph = host.storedGraph ?? undefined;
      this.host = host;
      this.hostAddress = address;
      return host;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new DteError('DTE_EXECUTOR_START', `Nx could not build the project graph: ${message}`, {
        cause: thrown,
      });
    } finally {
      this.making = null;
    }
  }

  /** Stops the processes of a running task. */
  async stopTask(graceMs: number): Promise<void> {
    await this.host?.stopTask(graceMs);
  }
}

const sameAddress = (a: Address | undefined, b: Address | undefined): boolean =>
  a?.url === b?.url && a?.token === b?.token;
