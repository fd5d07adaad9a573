/* Symbols before and after their definitions, in every place an instruction takes one; jumps and their lengths. */
.code64
.globl a, b
.type a,@function
.weak w
a: jmp b
b: jmp w
w: jmp a+2
call extern_defined
extern_defined = . + 0x10
jmp extern_defined
jmp fwd
fwd = b
mov fwd, %eax
mov $fwd, %eax
mov abs, %eax
mov abs(%rax), %ebx
add $abs, %eax
push $abs
abs = 8
mov abs, %eax
mov abs(%rax), %ebx
add $abs, %eax
push $abs
movabs $a, %rax
mov %gs:abs, %rax
mov abs(%rip), %rax
lea 8(%rip), %rax
lea abs2(%rip), %rax
abs2 = 0x40
lea .(%rip), %rax
lea .+8(%rip), %rcx
mov $., %eax
.quad .-a
mov $(b-a), %eax
mov $(. - a), %eax
cmp $(b-a), %rax
x1: nop
x2: cmp $(x2-x1), %rax
lea x2-x1(%rax), %rbx
.size a, .-a
movb $(x2-x1), (%rax)
movw $(fw2-a), (%rax)
movb $(fw2-x2), (%rax)
fw2:
.long fw2 - a + 1, (fw2-a)*2, -(a-fw2), (fw2-a)/2, fw2-a > 3
jmp *a(,%rax,8)
jmp *tab(%rip)
call *tab
tab: .quad a, b, fw2
loop fw2
jrcxz fw2
jmp 1f
1: jmp 1b
1: jne 1b
2: .long 2b-1b, 2f-2b
2:
mov a+4(%rip), %rax
mov a + 4 - 2(%rip), %rax
movl $a, 4(%rip)
cmpl $5, tab(%rip)
cmpl $500, tab(%rip)
cmpw $500, tab(%rip)
imul $500, tab(%rip), %rax
testb $1, tab+3(%rip)
addq $1, %gs:tab(%rip)
mov tab(,%rcx,8), %rax
mov tab(%rcx,%rbx,8), %rax
mov tab-8(%rsp), %rax
cmpb $0, tab
nop
bt $3, tab
lock btrl $3, tab(%rip)
jmp short_target
.skip 100
short_target:
cs jne short_target
notrack jmp *tab(%rip)
rep; ret
.pushsection .fixup,"ax"
3: jmp short_target
lea 3b(%rip), %rax
.popsection
