import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { subscriber } from '../pubsub/index.ts'
import { turn } from '../testing/gate.test-support.ts'
import { testApp } from '../testing/index.ts'
import { topic } from '../topics/topic.ts'
import type { HandlerContext, Middleware } from './context.ts'
import { runAround } from './middleware.ts'

const numbers = topic('numbers', { schema: z.int(), partitions: 1 })
/** None of it is looked at. */
const context = {} as HandlerContext

/** One layer around a handler. */
const around = (layer: Middleware, handle: () => unknown) => runAround([layer], context, handle)
const late = async (error?: Error) => {
  await turn()
  if (error !== undefined) throw error
}

describe('a middleware that does not await next', () => {
  const forgetful: Middleware = async (_, next) => {
    void next()
  }

  it('is awaited behind it, so that the record is not finished before its handler', async () => {
    let ended = false
    await around(forgetful, async () => {
      await late()
      ended = true
    })
    expect(ended).toBe(true)
  })

  it('does not lose what the handler throws, at once or later', async () => {
    await expect(around(forgetful, () => late(new Error('later')))).rejects.toThrow('later')
    const throwAtOnce = () => {
      throw new Error('at once')
    }
    await expect(around(forgetful, throwAtOnce)).rejects.toThrow('at once')
  })

  it('fails when it calls next again, awaited or not', async () => {
    let calls = 0
    const twice: Middleware = async (_, next) => {
      void next()
      void next()
    }
    await expect(around(twice, () => calls++)).rejects.toMatchObject({ code: 'NEXT_CALLED_TWICE' })
    expect(calls).toBe(1)
  })
})

describe('a middleware', () => {
  it('may catch what the handler throws, and may leave the handler out', async () => {
    const catching: Middleware = async (_, next) => {
      await next().catch(() => {})
    }
    await around(catching, () => late(new Error('caught')))
    let calls = 0
    await around(
      async () => {},
      () => calls++,
    )
    expect(calls).toBe(0)
  })

  it('that waits for something else first does not end the record before its handler', async () => {
    let ended = false
    const racing: Middleware = async (_, next) => {
      await Promise.race([next(), Promise.resolve()])
    }
    await around(racing, async () => {
      await late()
      ended = true
    })
    expect(ended).toBe(true)
  })
})

it('a handler whose result throws when it is looked at has failed, and the app still stops', async () => {
  const app = testApp()
  let calls = 0
  const result = {
    // biome-ignore lint/suspicious/noThenProperty: the fault that is tested.
    get then(): never {
      throw new Error('not to be awaited')
    },
  }
  app.add(
    subscriber('reader', {
      from: numbers,
      retry: { attempts: 1 },
      whenSpent: 'stop',
      on: () => {
        calls++
        return result as never
      },
    }),
  )
  await app.start()
  await app.publish(numbers, 1)
  await expect(app.settled()).rejects.toThrow('not to be awaited')
  expect(calls).toBe(1)
  await app.stop()
})
