import { database, type Kysely } from 'millrace/sql'

export interface TaskTables {
  tasks: {
    id: string
    task: string
    state: 'queued' | 'running' | 'retrying' | 'done' | 'failed'
    attempt: number
    /** Why the last attempt failed. */
    error: string | null
  }
}

export const taskDatabase = database<TaskTables>('tasks', {
  migrations: {
    '001-tasks': {
      up: (db) =>
        db.schema
          .createTable('tasks')
          .addColumn('id', 'text', (column) => column.primaryKey().notNull())
          .addColumn('task', 'text', (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('attempt', 'integer', (column) => column.notNull())
          .addColumn('error', 'text')
          .execute(),
    },
  },
})

export function findTask(db: Kysely<TaskTables>, id: string): Promise<TaskTables['tasks'] | undefined> {
  return db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Tasks of other services have no row before a worker first sees them. */
export async function saveTask(db: Kysely<TaskTables>, task: TaskTables['tasks']): Promise<void> {
  await db
    .insertInto('tasks')
    .values(task)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(task))
    .execute()
}
