import { once } from 'node:events'
import { millrace } from 'millrace'
import { createShop, logOptionsOf, sentMailPathOf } from './app.ts'
import { curlLines, placeDemoOrder } from './demonstration.ts'
import { createRoutes } from './http/routes.ts'
import { ShopServer } from './http/server.ts'
import { explain, listenError, readAddress, readPoison } from './terminal.ts'

/** `npm start`: the order system with its HTTP API, until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  const address = readAddress(process.env)
  const isPoisonOn = readPoison(process.env)
  const app = millrace('shop', logOptionsOf(process.env))
  const shop = createShop(app, { sentMailPath: sentMailPathOf(), isPoisonOn })
  const server = new ShopServer(console)
  let isStopping = false
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => {
    isStopping = true
  })
  try {
    await server.listen(address).catch((error) => {
      throw listenError(error, address)
    })
    await app.start()
    server.serve(createRoutes(shop))
    console.log(`The shop is open at ${server.url}`)
    await Promise.race([demonstrate(), stopped])
    await stopped
    console.log('The shop closes: what is in flight is finished.')
  } finally {
    // First the requests, then what they use.
    await server.close()
    await app.stop()
  }

  async function demonstrate(): Promise<void> {
    try {
      console.log((await placeDemoOrder(shop)) + curlLines(server.url))
    } catch (error) {
      // The shop serves all the same; /healthz says what is wrong with it.
      if (!isStopping) console.error(explain(error))
    }
  }
}

try {
  await main()
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}
