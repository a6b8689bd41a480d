import type { Transaction } from 'kysely'

/** A handler's context with `tx`, its transaction, where the component has a database; else the context as it is. */
export type WithTx<Context, Tables> = [Tables] extends [never]
  ? Context
  : Context & { readonly tx: Transaction<Tables> }
