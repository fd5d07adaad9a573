/* .macro, .rept, .irp, .irpc and conditional assembly. */
.macro m1 a:req, b=7, c:vararg
.byte \a, \b
.ifnb \c
.byte \c
.endif
.endm
m1 1
m1 1, 2
m1 1 2 3,4,5
m1 b=3 a=4
m1 a=5, b=6, c=7
m1 1, , 9
.macro outer x
.macro inner_\x y
.byte \x, \y
.endm
.endm
outer 5
inner_5 6
.macro loop n
.if \n
.byte \n
loop (\n-1)
.endif
.endm
loop 5
.macro ex a
.byte 1
.if \a
.exitm
.endif
.byte 2
.endm
ex 0; ex 1
.rept 3
.byte 0xaa
.endr
.irp r, rax, rbx, r8
push %\r
.endr
.irp r rax rbx
pop %\r
.endr
.irpc c, 123
.byte \c
.endr
.rept 2
.irp a,1,2
.rept 2
.byte \a
.endr
.endr
.endr
.macro lbl
.Lx_\@: jmp .Lx_\@
.byte \@
.endm
lbl; lbl
.macro nest
lbl
.byte \@
lbl
.endm
nest
.macro str s
.ascii "\s"
.endm
str hello
str "hello world"
.macro cat a b
.byte \a\()\b, \a\b
.endm
cat 1 2
.macro cond a
.ifc \a,rax
.byte 1
.elseif \a == 3
.byte 3
.else
.byte 2
.endif
.endm
rax=3
cond rax
cond 3
cond 4
.macro UPPER
.byte 0x55
.endm
upper
Upper
.purgem upper
.macro UPPER
.byte 0x66
.endm
UPPER
.ifdef rax
.byte 1
.endif
.ifndef nothere
.byte 2
.endif
.if 0
.if 1
.byte 9
.else
.byte 8
.endif
.elseif 1
.byte 7
.else
.byte 6
.endif
.ifeq 0; .byte 1; .endif
.ifge -1; .byte 2; .else; .byte 3; .endif
.ifgt 1; .byte 1; .endif
.iflt -1; .byte 1; .endif
.ifle 1; .byte 1; .endif
.ifne 3; .byte 1; .endif
.ifeqs "a","a"; .byte 1; .endif
.ifnes "a","b"; .byte 1; .endif
.ifc a b,a b; .byte 4; .endif
.ifc "",; .byte 5; .else; .byte 6; .endif
.ifnc a,; .byte 5; .else; .byte 6; .endif
.ifb; .byte 5; .endif
.macro chk a
.ifc "\a",""
.byte 0
.else
.byte 1
.endif
.ifb \a
.byte 2
.endif
.endm
chk
chk x
.macro regs r:req s=%rbx
mov \r, \s
.endm
regs %rax
regs r=%rcx s=8(%rsp)
regs %rdx,16(%rsp)
regs r=$5 s=%rax
.macro swap a b
xchg \b, \a
.endm
swap %rax %rbx
.rept 2; .rept 2; .byte 3; .endr; .endr
.macro multi
.byte 1; .byte 2
.endm
multi; multi
.macro ret1
.rept 5
.byte 1
.exitm
.byte 2
.endr
.byte 3
.endm
ret1
.irp x
.byte 5\x
.endr
.irpc x,
.byte 6\x
.endr
.macro v a:vararg
.byte \a
.endm
v 1, 2 , 3
v 4
a = 3; .byte a
.macro m5 a=1,b=2
.byte \a,\b
.endm
m5
m5 ,3
m5 3
m5 b=9
