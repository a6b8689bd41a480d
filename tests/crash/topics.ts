/** The topics of the plant. */
import { topic } from 'millrace'
import { queue } from 'millrace/queue'
import * as z from 'zod'

/** How a handler fares with a record: `first` and `twice` fail so often, `later` not before its time, `poison` until it is healed. */
export const fates = ['fine', 'first', 'twice', 'later', 'poison', 'refused'] as const
export type Fate = (typeof fates)[number]

const Worked = z.object({ key: z.string(), fate: z.enum(fates), notBeforeMs: z.number() })
export type Work = z.infer<typeof Worked>
const Output = z.object({ source: z.string(), key: z.string() })
const Kept = z.object({ key: z.string(), n: z.number() })
const byKey = { key: ({ key }: { readonly key: string }) => key, partitions: 3 }

export const inputs = topic('inputs', { schema: Worked, ...byKey })
export const tasks = queue('tasks', { schema: Worked.extend({ type: z.literal('work') }), partitions: 3 })
export const lefts = topic('lefts', { schema: Output, ...byKey })
export const rights = topic('rights', { schema: Output, ...byKey })
export const copies = topic('copies', { schema: Output, ...byKey })
export const receipts = topic('receipts', { schema: Output, ...byKey })
export const results = topic('results', { schema: Output, ...byKey })
export const kept = topic('kept', { schema: Output, ...byKey })
export const batched = topic('batched', { schema: Output, ...byKey })
export const loaded = topic('loaded', { schema: Output, ...byKey })
export const booked = topic('booked', { schema: Output, ...byKey })

/** How the plant's log is cleaned, in milliseconds and bytes. */
export const bounds = { minLagMs: 700, tombstoneMs: 1_000, recentMs: 2_000, lastBytes: 1_500 } as const
/** The last value of each key. */
export const states = topic('states', { schema: Kept, ...byKey, compaction: true })
/** Those of the last seconds. */
export const recents = topic('recents', { schema: Kept, ...byKey, retention: { time: bounds.recentMs } })
/** The last bytes of each partition. */
export const lasts = topic('lasts', { schema: Kept, ...byKey, retention: { bytes: bounds.lastBytes } })
