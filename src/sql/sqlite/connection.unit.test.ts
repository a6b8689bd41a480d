import { describe, expect, test } from 'vitest'
import { SqliteConnection } from './connection.ts'
import { hasSecondStatement, onlyReads, refuseTransactionControl } from './statement-text.ts'

function open() {
  return new SqliteConnection(':memory:', { readOnly: false })
}

describe('a connection', () => {
  test('gives plain objects, and what a change did', () => {
    const connection = open()
    connection.execute('create table t (id integer primary key, name text)')
    expect(connection.execute('insert into t (name) values (?), (?)', ['a', 'b'])).toEqual({
      rows: [],
      changes: 2n,
      insertId: 2n,
    })
    const { rows } = connection.execute('select * from t order by id')
    expect(rows).toStrictEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])
    expect(connection.execute('update t set name = ? returning id, name', ['c']).rows).toHaveLength(2)
  })

  test('sees a changed table through a statement that was prepared before', () => {
    const connection = open()
    connection.execute('create table t (a)')
    connection.execute('insert into t values (1)')
    expect(connection.execute('select * from t').rows).toStrictEqual([{ a: 1 }])
    connection.execute('alter table t rename column a to b')
    connection.execute('alter table t add column c default 2')
    expect(connection.execute('select * from t').rows).toStrictEqual([{ b: 1, c: 2 }])
  })

  test('keeps working when far more statements pass than it keeps prepared', () => {
    const connection = open()
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 500; n++) expect(connection.execute(`select ${n} as n`).rows).toStrictEqual([{ n }])
    }
  })

  test('refuses a second statement in one text instead of dropping it', () => {
    const connection = open()
    expect(() => connection.execute('create table a (x); create table b (x)')).toThrow(/several statements/)
    connection.execute('create table a (x); -- the end\n /* no more */ ;')
    expect(hasSecondStatement("; select ';'")).toBe(true)
  })

  test('stops to read rows when it is told to, and leaves nothing open', () => {
    const connection = open()
    connection.execute('create table t (a)')
    connection.execute('insert into t values (1), (2), (3)')
    const seen: unknown[] = []
    connection.iterate('select a from t order by a', [], ({ a }) => seen.push(a) < 2)
    expect(seen).toEqual([1, 2])
    connection.execute('drop table t') // would be locked by an open statement
  })
})

describe('the text of a statement', () => {
  test.each([
    ['select 1', true],
    ['  -- why\n /* and */ SELECT 1', true],
    ['values (1)', true],
    ['explain insert into t values (1)', true],
    ['with a as (select 1) select * from a', true],
    ['with a as (select 1) insert into t select * from a', false],
    ['insert into t values (1)', false],
    ['pragma user_version = 1', false],
    ['', false],
  ])('%j only reads: %s', (sql, expected) => {
    expect(onlyReads(sql)).toBe(expected)
  })

  test.each(['begin', 'BEGIN immediate', '/* x */ commit', 'end', 'rollback', '-- x\nrollback transaction'])(
    '%j is refused in and outside of a transaction',
    (sql) => {
      for (const inside of [true, false]) {
        expect(() => refuseTransactionControl(sql, inside)).toThrow(
          expect.objectContaining({ code: 'REFUSED_STATEMENT' }),
        )
      }
    },
  )

  test('savepoints are for the inside of a transaction', () => {
    for (const sql of ['savepoint a', 'rollback to a', 'release a']) {
      expect(() => refuseTransactionControl(sql, false)).toThrow(/not run/)
      refuseTransactionControl(sql, true)
    }
    refuseTransactionControl('insert into "begin" values (1)', false)
  })
})
