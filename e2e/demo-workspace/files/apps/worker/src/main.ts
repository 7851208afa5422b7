import { addDays, type Day, toDay } from '#dates';
import { type Order } from '#orders';

/** Orders whose customers are to be told today that their parcel comes tomorrow. */
export function remindersFor(orders: readonly Order[], today: Day = toDay(new Date())): Order[] {
  const tomorrow = addDays(today, 1);
  return orders.filter(({ arrives }) => arrives === tomorrow);
}

if (require.main === module) console.log(`${remindersFor([]).length} reminders`);
