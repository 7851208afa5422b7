/** Length of a line for the log. Not configurable: executors shorten what they send. */
export const NOTE_CHARS = 1024;
