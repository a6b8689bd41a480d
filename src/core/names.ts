/** Kafka's rule for topics and groups' names that become topics: 1 to 249 of `[A-Za-z0-9._-]`, not `.` or `..`. */
export const nameRule = "1 to 249 characters of A-Z, a-z, 0-9, '.', '_' and '-', but not '.' or '..'"

/** Whether `name` may name a topic, a queue, a group or a database. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}
