import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { expect, test } from 'vitest'
import { testHost } from './host.test-support.ts'
import { database } from './index.ts'
import { temporaryFolder } from './sqlite/sqlite-home.test-support.ts'

interface Tables {
  t: { a: number }
}

test('two databases of one app on one file share its writer, however the path is written', async () => {
  using folder = temporaryFolder()
  const path = folder.path('shop/app.db')
  const host = testHost(`file:${path}`)
  const one = database<Tables>('one')['~attach'](host)
  const two = database<Tables>('two', { url: `file:${relative('.', path)}` })['~attach'](host)
  const [home, same] = await Promise.all([one.home!(), two.home!()])
  expect(same).toBe(home)
  await one.handle.schema.createTable('t').addColumn('a', 'integer').execute()
  await Promise.all(
    Array.from({ length: 100 }, (_, a) => (a % 2 === 0 ? one : two).handle.insertInto('t').values({ a }).execute()),
  )
  expect(await two.handle.selectFrom('t').selectAll().execute()).toHaveLength(100)
  await Promise.all([one.close?.(), two.close?.()])
  expect(existsSync(`${path}-wal`)).toBe(false) // the last connection moved it into the file and is closed
})

test('two apps on one file write by turns and see what the other wrote', async () => {
  using folder = temporaryFolder()
  const apps = [0, 1].map(() => database<Tables>('db', { url: `file:${folder.path('app.db')}` })['~attach'](testHost()))
  const [one, two] = apps.map(({ handle }) => handle)
  await one!.schema.createTable('t').addColumn('a', 'integer').execute()
  const insert = (a: number) =>
    apps[a % 2]!.handle.transaction().execute((tx) => tx.insertInto('t').values({ a }).execute())
  await Promise.all(Array.from({ length: 200 }, (_, a) => insert(a)))
  expect(await one!.selectFrom('t').selectAll().execute()).toHaveLength(200)
  expect(await two!.selectFrom('t').selectAll().execute()).toHaveLength(200)
  for (const app of apps) await app.close?.()
})
