/*
 * The exception table begins: instructions that may fault on memory of others, and where to go on.
 */
.section __ex_table, "a"
__start___ex_table:
	.quad	get_user_read, get_user_fixup
