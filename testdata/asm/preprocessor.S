/* Comments, continued lines, #define and #if. */
/* multi
 line */ nop // c++ comment
nop # gas comment ' with quote
# a comment line isn't a directive
#define A 5
#define B (A + 1)
#define ADD(x, y) ((x) + (y))
#define STR(x) #x
#define CAT(a, b) a ## b
#define MULTI \
	nop; \
	ud2
#define VA(f, ...) f __VA_ARGS__
#define EMPTY
.byte A, B, ADD(A, B), CAT(1, 2)
.ascii STR(hello "x" y), "A B"
MULTI
VA(.byte, 1, 2, 3)
#ifdef A
.byte 1
#else
.byte 2
#endif
#ifndef A
.byte 3
#elif B == 6 && defined(ADD) && !defined(NOPE)
.byte 4
#else
.byte 5
#endif
#if (A << 2) + 1 == 21 || 0
.byte 6
# if 0
.byte 7
# endif
#endif
#undef A
#ifdef A
.byte 8
#endif
mov $ADD(1,
   2), %eax
mov $'#', %al
.ascii "/* not a comment */ // # ;"
#if 1UL > 0x0L
.byte 9
#endif
 EMPTY
foo: EMPTY nop
.macro m x
#ifdef B
.byte \x
#endif
.endm
m 1
#define REG rax
mov %REG, %rbx
mov 8(%REG), %rbx
#define SYMBOL some_symbol
SYMBOL: .quad SYMBOL
.LSYMBOL: nop
jmp 1f ; 1: nop
/* a */ .byte /* b */ 1 /* c */, 2 /* d */
.byte 1 \
, 2
#define F(x) x
#define G F
.byte G(7)
.byte F(F(F(8)))
