/** The headers that we write: a public contract. Others' headers pass through untouched. */
export const idHeader = 'millrace-id'
/** W3C Trace Context: carried from a record to what its handler puts out. */
export const traceHeader = 'traceparent'
/** Names that begin with it are refused from users. */
export const ownPrefix = 'millrace-'
