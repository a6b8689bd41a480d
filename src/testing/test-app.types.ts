/** What users of test apps get without an annotation, and the wrong uses that the compiler refuses at their place. */
import type { App } from 'millrace'
import { type TestApp, testApp } from 'millrace/testing'
import { typeOf } from '../core/type-expectations.test-support.ts'

await using app = testApp()
typeOf(app).is<TestApp>()
const asApp: App = app
await app.advance('10m')
await asApp.settled({ timeout: '2s' })

// @ts-expect-error: not a duration
await app.advance('10 minutes')
// @ts-expect-error: it is always in memory
testApp({ url: 'file:log.db' })
