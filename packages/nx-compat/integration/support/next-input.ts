/** Stands between what a process prints for one input and for the next. */
export const NEXT_INPUT = '\0next\0';
