/* End or restart of the machine. See power.c. */
#ifndef TSBLK_POWER_H
#define TSBLK_POWER_H

#include <stdint.h>

#define POWER_STATUS_MAX 255

/* Takes the finisher at `base`; before the first call it is the one memlayout.h names. */
void power_init(uint64_t base);

/* Ends QEMU with exit status `status`, 0 to POWER_STATUS_MAX. */
_Noreturn void power_off(uint32_t status);

_Noreturn void power_reboot(void);

#endif
