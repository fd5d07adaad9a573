/*
 * Form "never": does not restore. Never posted; for teaching. It shows which places need the restore: those that run between
 * the switch to the user CR3 and the return to user mode.
 */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
.endm
