/** Days as ISO strings, `2026-03-01`: comparable, serialisable, without a time zone to get wrong. */
export type Day = `${number}-${string}-${string}`;

const MS_PER_DAY = 86_400_000;

export const toDay = (date: Date): Day => date.toISOString().slice(0, 10) as Day;

export const addDays = (day: Day, days: number): Day => toDay(new Date(Date.parse(day) + days * MS_PER_DAY));

export const daysBetween = (from: Day, to: Day): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / MS_PER_DAY);

export function isWeekend(day: Day): boolean {
  const weekday = new Date(day).getUTCDay();
  return weekday === 0 || weekday === 6;
}

/** The day after so many days on which somebody works. */
export function addWorkingDays(day: Day, count: number): Day {
  let result = day;
  for (let left = count; left > 0;) {
    result = addDays(result, 1);
    if (!isWeekend(result)) left -= 1;
  }
  return result;
}
