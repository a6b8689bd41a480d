/** "MLRG", in the header of a SQLite file that is a log: so that a log is not taken for a database, nor the other way round. */
export const logApplicationId = 0x4d4c5247
