/** The beginning of a marker with which the log of a GitLab job opens or closes a section. GitLab finds it anywhere in a line. */
export const SECTION_MARKER = /section_(?:start|end):/g;

/** Text in which no marker of a section has an effect, whatever follows it. For text of others in the log of a job. */
export const withoutMarkers = (text: string): string =>
  text.replace(SECTION_MARKER, (beginning) => beginning.replace(':', ' :'));
