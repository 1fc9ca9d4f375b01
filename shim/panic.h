/* The end of the machine on an error that nothing can mend. See panic.c. */
#ifndef TSBLK_PANIC_H
#define TSBLK_PANIC_H

/* Prints `TSBLK: panic: ` and returns, for a caller that has more to say before panic_end. */
void panic_begin(void);

/* Ends the line and the machine, exit status 70. */
_Noreturn void panic_end(void);

/* Prints `TSBLK: panic: <text>` and ends the machine. */
_Noreturn void panic(const char *text);

#endif
