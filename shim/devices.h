/* The devices behind the granted windows, as far as the kernel touches them. See devices.c. */
#ifndef TSBLK_DEVICES_H
#define TSBLK_DEVICES_H

#include "fdt.h"

#include <stdint.h>

/* Resets every virtio device in the windows. When this returns none of them does DMA any more; one
 * that does not come out of its reset is a panic. */
void devices_reset_all(const struct fdt_region *windows, uint32_t window_count);

#endif
