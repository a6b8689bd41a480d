/** What users of databases get without an annotation. */
import { millrace } from 'millrace'
import { database, type Kysely } from 'millrace/sql'
import { typeOf } from '../core/type-expectations.test-support.ts'

interface Tables {
  payments: { order_id: string; amount: number }
}
const shop = database<Tables>('shop')
const app = millrace('types')
typeOf(app.add(shop)).is<Kysely<Tables>>()
const row = await app.get(shop).selectFrom('payments').select('amount').executeTakeFirst()
typeOf(row).is<{ amount: number } | undefined>()

// @ts-expect-error: not a table of this database
app.get(shop).selectFrom('orders')
