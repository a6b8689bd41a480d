/** Where something was written; opaque, order-comparable only within one log. A consistency token. */
export interface Position {
  toString(): string
}
