import { printable } from '@org/dte-protocol';

/** Text as one printable line of at most `max` characters. */
export const oneLine = printable;
