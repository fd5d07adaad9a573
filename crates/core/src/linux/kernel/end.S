/*
 * Last of all texts: ends the exception table.
 */
.section __ex_table, "a"
	.quad	0, 0
