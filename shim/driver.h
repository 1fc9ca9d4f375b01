/* The driver: an instance of the module, and another one when it fails. See driver.c. */
#ifndef TSBLK_DRIVER_H
#define TSBLK_DRIVER_H

#include "host_imports.h"

#include <stdbool.h>
#include <stdint.h>

/* Starts the driver, which wasm_host_load has loaded with this grant. More than `restarts_max`
 * failures in ten seconds are a panic. */
void driver_start(const struct host_grant *grant, uint64_t restarts_max);

/* One slice. Returns whether there is more to do now. */
bool driver_step(void);

/* Hands over a byte from the console. */
void driver_receive(uint8_t byte);

#endif
