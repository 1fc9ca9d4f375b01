/* What module_runner.c has in the place of the kernel's devices. See host_stand_ins.c. */
#ifndef TSBLK_HOST_STAND_INS_H
#define TSBLK_HOST_STAND_INS_H

#include "../../shim/validate.h"

/* Makes `bytes` the module that is built into the kernel. */
void stand_ins_embed(const uint8_t *bytes, uint32_t length_bytes);

/* What the validator allows the module to cost; more is a failed check. */
void stand_ins_expect(const struct validate_cost *cost);

/* Prints the heap that is used and the bound. */
void stand_ins_report_heap(void);

/* The alarm ends the process as a module that runs for ever would end in the kernel. */
void stand_ins_on_deadline(void);

#endif
