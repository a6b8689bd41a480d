import { topic } from 'millrace'
import * as z from 'zod'

// #region first
const Renamed = z.object({ type: z.literal('CUSTOMER_RENAMED'), customerId: z.string(), name: z.string() })
export const customersAsOfOld = topic('customers', { schema: Renamed, key: (event) => event.customerId })
// #endregion

// #region second
const Named = z.object({
  type: z.literal('CUSTOMER_RENAMED'),
  customerId: z.string(),
  names: z.object({ given: z.string(), family: z.string() }),
})
export const customers = topic('customers', {
  schema: Named,
  key: (event) => event.customerId,
  version: 2,
  upcast: {
    1: ({ name, ...event }: z.input<typeof Renamed>) => {
      const [given = '', ...family] = name.split(' ')
      return { ...event, names: { given, family: family.join(' ') } }
    },
  },
})
// #endregion

// #region external
/** The billing team's: it creates the topic and decides how long records are kept. */
export const invoices = topic('billing.invoices', {
  schema: z.object({ invoiceId: z.string(), amount: z.number() }),
  key: (invoice) => invoice.invoiceId,
  external: true,
})
// #endregion

// #region compaction
export const settings = topic('settings', {
  schema: z.object({ userId: z.string(), language: z.string() }),
  key: (value) => value.userId,
  compaction: true,
})
// #endregion
