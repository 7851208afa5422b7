import { Buffer } from 'node:buffer';
import type { FileSystem } from '@org/dte-coordinator/core';
import type { SeededRandom } from '@org/dte-testing';

/** Longest simulated write. Not configurable: only the order of events depends on it. */
const MAX_WRITE_MS = 20;

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });

/** The disk of a coordinator. It survives the process and may be full, and writes take time. */
export class Disk {
  readonly files = new Map<string, Buffer>();
  isFull = false;

  constructor(readonly random: SeededRandom) {}

  /** The disk for one process. */
  mount(): Mount {
    return new Mount(this);
  }

  content(path: string): Buffer {
    const found = this.files.get(path);
    if (found === undefined) throw failure('ENOENT', path);
    return found;
  }
}

interface Writing {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The part of `node:fs/promises` that the coordinator uses. After `kill`, no operation returns. */
export class Mount {
  private alive = true;
  private readonly writing = new Set<Writing>();
  private atNextWrite: (() => void) | null = null;

  constructor(private readonly disk: Disk) {}

  /** The process is killed. Any part of an unfinished write may be on the disk. */
  kill(): void {
    this.alive = false;
    for (const { path, bytes } of this.writing) {
      const part = bytes.subarray(0, this.disk.random.int(0, bytes.length));
      this.disk.files.set(path, Buffer.concat([this.disk.files.get(path) ?? Buffer.alloc(0), part]));
    }
    this.writing.clear();
  }

  /** Calls back in the middle of the next write; null: never. */
  inNextWrite(action: (() => void) | null): void {
    this.atNextWrite = action;
  }

  /** As the type that the product expects. Functions that it does not use are missing. */
  get fileSystem(): FileSystem {
    return this as unknown as FileSystem;
  }

  async open(path: string): Promise<unknown> {
    await this.step();
    this.disk.content(path);
    return {
      stat: async () => ({ size: this.disk.content(path).length }),
      read: async (buffer: Buffer, { position }: { position: number }) => {
        const bytesRead = this.disk.content(path).copy(buffer, 0, position);
        return { bytesRead, buffer };
      },
      writeFile: (bytes: Buffer) => this.addTo(path, bytes),
      truncate: async (length: number) => {
        await this.step();
        this.disk.files.set(path, this.disk.content(path).subarray(0, length));
      },
      datasync: () => this.step(),
      close: () => this.step(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.step();
    this.disk.files.set(to, this.disk.content(from));
    this.disk.files.delete(from);
  }

  async mkdir(): Promise<void> {
    await this.step();
  }

  async rm(path: string): Promise<void> {
    await this.step();
    this.disk.files.delete(path);
  }

  async readdir(path: string): Promise<string[]> {
    await this.step();
    throw failure('ENOENT', path);
  }

  async readFile(path: string): Promise<Buffer> {
    await this.step();
    return Buffer.from(this.disk.content(path));
  }

  async writeFile(path: string, content: string | Buffer): Promise<void> {
    await this.addTo(path, Buffer.from(content));
  }

  // Not `append`: the product calls a method of that name, with a handle, if there is one.
  private async addTo(path: string, bytes: Buffer): Promise<void> {
    await this.step();
    const writing = { path, bytes };
    this.writing.add(writing);
    const writeMs = this.disk.random.int(0, MAX_WRITE_MS);
    if (this.atNextWrite !== null) setTimeout(this.atNextWrite, Math.floor(writeMs / 2));
    this.atNextWrite = null;
    await new Promise((resolve) => setTimeout(resolve, writeMs));
    await this.step();
    this.writing.delete(writing);
    const fits = this.disk.isFull ? this.disk.random.int(0, bytes.length - 1) : bytes.length;
    const before = this.disk.files.get(path) ?? Buffer.alloc(0);
    this.disk.files.set(path, Buffer.concat([before, bytes.subarray(0, fits)]));
    if (fits < bytes.length) throw failure('ENOSPC', path);
  }

  /** A killed process waits forever. */
  private step(): Promise<void> {
    return this.alive ? Promise.resolve() : new Promise(() => undefined);
  }
}
