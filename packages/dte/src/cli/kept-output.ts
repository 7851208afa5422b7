/** Output of a command, of which the end is kept when there is too much: that is where failures explain themselves. */
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

  /** At most the limit; says so in its first line when the beginning is missing. */
  text(): string {
    const note = `dte: the beginning of this output is omitted\n`;
    const all = Buffer.concat(this.chunks);
    const whole = all.toString('utf8');
    if (!this.dropped && whole.length <= this.maxBytes) return whole;
    return note + whole.slice(-(this.maxBytes - note.length));
  }
}
