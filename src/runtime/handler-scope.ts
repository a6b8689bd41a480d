import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Which app's handler this code runs in, if any: `app.publish` would not commit with the handler, so it refuses there.
 * The value is the app's host, compared by identity.
 */
export const handlerScope = new AsyncLocalStorage<object>()
