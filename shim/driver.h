/* The driver: an instance of the module, and another one when it fails. See driver.c. */
#ifndef TSBLK_DRIVER_H
#define TSBLK_DRIVER_H

#include "host_imports.h"

#include <stdbool.h>
#include <stdint.h>

/* Starts the driver, which wasm_host_load has loaded with this grant. More than `restarts_max`
 * failures in ten seconds are a panic. */
void driver_start(const struct host_grant *grant, uint64_t restarts_max);

/* When the driver wants its next slice: what step() of driver/main.ts returns. */
enum driver_wish {
    DRIVER_IDLE = 0,    /* when a byte has come, or after a while */
    DRIVER_BUSY = 1,    /* now */
    DRIVER_WAITING = 2, /* when a device has interrupted, or soon */
};

/* One slice. */
enum driver_wish driver_step(void);

/* Hands over a byte from the console. */
void driver_receive(uint8_t byte);

#endif
