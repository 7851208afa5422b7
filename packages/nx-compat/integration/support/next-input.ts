/** Separates what a process prints for one input from the next. */
export const NEXT_INPUT = '\0next\0';
