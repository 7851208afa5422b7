/**
 * JSON in the one form that both sides of a handshake come to, however each has built the value: keys in the order of
 * their UTF-16 units, members that are undefined left out, as `JSON.stringify` does. (RFC 8785 for the values of our
 * messages.)
 * @param value what has come out of a schema: objects, arrays, texts, finite numbers, booleans, null
 */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
