/**
 * JSON in one canonical form, so that both sides of a handshake get the same text however they built the value: keys in
 * the order of their UTF-16 units, undefined members omitted, as in `JSON.stringify`. (RFC 8785 for the values of our
 * messages.)
 * @param value parsed by a schema: objects, arrays, strings, finite numbers, booleans, null
 */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
