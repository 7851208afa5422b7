/** Output of a command. If there is too much, the end is kept, because errors are usually there. */
export class KeptOutput {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private dropped = false;

  constructor(private readonly maxBytes: number) {}

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    while (this.chunks.length > 1 && this.bytes - (this.chunks[0]?.length ?? 0) >= this.maxBytes) {
      this.bytes -= this.chunks.shift()?.length ?? 0;
      this.dropped = true;
    }
  }

  /** At most the limit; the first line says so if the beginning is missing. */
  text(): string {
    const note = `dte: the beginning of this output is omitted\n`;
    const all = Buffer.concat(this.chunks);
    const whole = all.toString('utf8');
    if (!this.dropped && whole.length <= this.maxBytes) return whole;
    return note + whole.slice(-(this.maxBytes - note.length));
  }
}
