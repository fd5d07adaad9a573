/* Data directives, alignment, .org, symbols that change, sections. */
.byte 1,2,-1,'a','\n',0x1f, 3+4*2, ~0&0xff
.word 0x1234,-2
.short 5; .value 6; .hword 7; .2byte 8
.long 0x12345678, lab, lab-., .-lab
.int 1; .4byte 2
.quad lab, 0xffffffffffffffff, -1, lab+8; .8byte 3
.octa 0x112233445566778899aabbccddeeff00, 5, 0x10
lab:
.ascii "abc\n\t\"\\\101\x41\0", "def"
.ascii "x" "y"
.asciz "hi","ho"
.string "a;b # c"
.zero 3; .skip 2,0x55; .space 4
.fill 3; .fill 2,2,0x1234; .fill 2,8,-1; .fill 1,5,0x1122334455; .fill 3,1,7
.balign 8,0xcc
.byte 1
.p2align 2,,1
.p2align 2,,3
nop
.align 16
.byte 1
.org 0x200
.byte 9
.org lab+0x300,0xee
lab2 = lab
.set x, 5
.byte x
.set x, x+1
.byte x
y = x*2
.byte y
.equ z, lab+3
.quad z
.equiv q, 4
.byte q
.data
.long 1
.section .foo,"aw",@progbits
.quad lab, foo
foo: .byte 7
.balign 4
.pushsection .bar,"ax"
.byte 1
.balign 8
.popsection
.byte 2
.previous
.byte 3
.previous
.byte 4
.text
.byte 0x1ff, -200
.word 0x12345
.word lab3-lab
.if lab2 == lab
.byte 1
.endif
lab3:
.section .text.hot
nop; .balign 8
.section .rodata
.byte 1; .balign 4
.section .foo2
1: .long 1b-., 1f-.
1: .quad 1b
.long 0b1011, 0777, 0xABC
.byte 'a, 'b, ' '
.byte ' ', '\\, '''
