/*
 * Physical memory protection, which counts for the kernel too since its entries are locked: no code
 * of this kernel can take it back. boot.S has set all entries but two; the first one that matches
 * an address decides.
 *
 *   0      page zero           nothing
 *   1      guard below the stack nothing
 *   2, 3   text                read, execute
 *   4      constants           read
 *   5, 6   what instances of the module are made of: read, from the moment when it is there
 *   7      all the rest        read, write
 *
 * It binds this CPU. Devices are bound by the guard (guard.c).
 */
#include "protect.h"

#define ENTRY_BITS        8
#define LOCKED            UINT64_C(0x80)
#define LOCKED_TOR_READ   UINT64_C(0x89)
#define IMAGE_START_ENTRY 5
#define IMAGE_END_ENTRY   6
#define PMP_ADDRESS_SHIFT 2

void protect_read_only(uint64_t start, uint64_t end) {
    uint64_t entries =
        LOCKED << ENTRY_BITS * IMAGE_START_ENTRY | LOCKED_TOR_READ << ENTRY_BITS * IMAGE_END_ENTRY;
    __asm__ volatile("csrw pmpaddr5, %0\n\t"
                     "csrw pmpaddr6, %1\n\t"
                     "csrs pmpcfg0, %2\n\t"
                     "sfence.vma"
                     :
                     : "r"(start >> PMP_ADDRESS_SHIFT), "r"(end >> PMP_ADDRESS_SHIFT), "r"(entries)
                     : "memory");
}
