/** A hint needs no more. */
const MOST = 5;

/** Names that the writer of another one may have meant. */
export function similarTo(name: string, names: readonly string[]): string[] {
  const plain = name.toLowerCase();
  const words = (text: string): string[] => text.toLowerCase().split(/[^a-z0-9]+/);
  const close = names.filter((other) => {
    const candidate = other.toLowerCase();
    return (
      candidate.includes(plain) ||
      plain.includes(candidate) ||
      words(other).some((word) => words(name).includes(word))
    );
  });
  return close.slice(0, MOST);
}
