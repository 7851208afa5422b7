/** Text as one printable line of at most `max` characters. */
export const oneLine = (text: string, max: number): string =>
  text
    // eslint-disable-next-line no-control-regex -- control characters are what must go
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim()
    .slice(0, max);
