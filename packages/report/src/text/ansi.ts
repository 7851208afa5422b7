/**
 * Escape sequences of terminals: colours, cursor movements (CSI), titles and links (OSC), and the short ones. One that does not end
 * takes nothing of the next line with it.
 */
// eslint-disable-next-line no-control-regex
const SEQUENCES = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B\n]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g;

/** Terminal output as plain text. */
export const withoutAnsi = (text: string): string => text.replace(SEQUENCES, '').replace(/\r\n/g, '\n');
