/*
 * Resets that take their time, which no device of QEMU's does: shim/guard.c with what belongs to
 * it, and the restart in shim/driver.c, under the sanitizers, with disks that are made here.
 *
 * Such a disk has been told to reset and goes on for a while: each time somebody asks for the time,
 * which moves on by that, it writes to its used ring and to the buffer that it was given. The
 * module is played here too: calls of what its imports call.
 */
#include "host_asm.h"

#include "check.h"

#include <setjmp.h>
#include <string.h>

/* The registers of the disks made here stand in for those behind an address. */
#define register_at  kernel_register_at
#define device_read  kernel_device_read
#define device_write kernel_device_write
#include "../../shim/guard_device.h"
#undef register_at
#undef device_read
#undef device_write

#include "../../shim/canary.h"
#include "../../shim/driver.h"
#include "../../shim/guard.h"
#include "../../shim/handover.h"
#include "../../shim/panic.h"
#include "../../shim/timer.h"
#include "../../shim/uart.h"
#include "../../shim/wasm_host.h"

#define TSBLK_DEBUG 0
#define WINDOWS     3
#define DISKS       2
#define NEVER       UINT64_MAX
#define MS          UINT64_C(1000000)
#define CLOCK_STEP  MS
#define HANGS_AFTER (10000 * MS)

#define MEMORY_BYTES 0x10000u
#define PAGE         4096u
#define QUEUE        8u
#define PARTS_BYTES  0x3000u /* of a disk: table and available ring, used ring, data */
#define DATA_BYTES   512u
#define DRIVER_OK    0x0f

struct disk {
    uint32_t registers[ConfigEnd / 4];
    uint64_t reset_takes_ns;
    uint64_t reset_ends_ns; /* 0: it is not in a reset */
    bool has_queue;
    uint8_t *table;
    uint8_t *avail;
    uint8_t *used;
    uint16_t used_idx;
    uint8_t *buffer; /* of the chain that it has taken */
    uint64_t writes;
};

static uint8_t memory[MEMORY_BYTES];
static uint64_t now_ns = MS;
static uint64_t hangs_at_ns;
static struct disk disks[DISKS];
/* Window 0 is something else than a disk. */
static uint32_t other_registers[ConfigEnd / 4];
static struct fdt_region windows[WINDOWS];

/* ---- the disks ---- */

static void disk_write_used(struct disk *disk) {
    uint32_t entry[2] = {0, DATA_BYTES};
    memcpy(disk->used + 4 + 8 * (disk->used_idx % QUEUE), entry, sizeof entry);
    disk->used_idx++;
    memcpy(disk->used + 2, &disk->used_idx, sizeof disk->used_idx);
}

/* What a disk does in its own time, as long as it has a queue. */
static void disk_work(struct disk *disk) {
    if (disk->reset_ends_ns != 0 && disk->reset_ends_ns <= now_ns) {
        disk->reset_ends_ns = 0;
        disk->has_queue = false;
        disk->buffer = NULL;
        disk->registers[Status / 4] = 0;
    }
    if (disk->has_queue && disk->buffer != NULL) {
        disk->writes++;
        memset(disk->buffer, (int)(disk->writes % 255 + 1), DATA_BYTES);
        disk_write_used(disk);
    }
}

static void disk_begin_reset(struct disk *disk) {
    if (disk->reset_ends_ns == 0) {
        bool is_never = disk->reset_takes_ns == NEVER;
        disk->reset_ends_ns = is_never ? NEVER : now_ns + disk->reset_takes_ns;
        disk_work(disk);
    }
}

static uint8_t *disk_address(const struct disk *disk, uint32_t low) {
    const uint32_t *pair = &disk->registers[low / 4];
    return (uint8_t *)(pair[0] | (uint64_t)pair[1] << 32);
}

/* It is told of a queue, and not in a reset. The page number has not enough bits for the addresses
 * of this process: it is the kernel's for `rings`, or it is wrong. */
static void disk_take_queue(struct disk *disk, uint8_t *rings) {
    CHECK(disk->reset_ends_ns == 0);
    CHECK(disk->registers[QueueSize / 4] == QUEUE);
    disk->has_queue = true;
    disk->used_idx = 0;
    if (disk->registers[Version / 4] == VIRTIO_MODERN) {
        disk->table = disk_address(disk, QueueDescLow);
        disk->avail = disk_address(disk, QueueDriverLow);
        disk->used = disk_address(disk, QueueDeviceLow);
        return;
    }
    uint32_t page_bytes = disk->registers[GuestPageSize / 4];
    CHECK(disk->registers[QueuePFN / 4] == (uint32_t)((uint64_t)rings / page_bytes));
    disk->table = rings;
    disk->avail = rings + 16 * QUEUE;
    disk->used = rings + disk->registers[QueueAlign / 4];
}

static uint16_t disk_avail_idx(const struct disk *disk) {
    uint16_t idx;
    memcpy(&idx, disk->avail + 2, sizeof idx);
    return idx;
}

/* It takes descriptor 0, the only one that is ever published. */
static void disk_notice(struct disk *disk) {
    if (disk->has_queue && disk_avail_idx(disk) != 0) {
        uint64_t address;
        memcpy(&address, disk->table, sizeof address);
        disk->buffer = (uint8_t *)address;
    }
}

static struct disk *disk_at(uint64_t base) {
    for (unsigned i = 0; i < DISKS; i++) {
        if (base == (uint64_t)disks[i].registers) {
            return &disks[i];
        }
    }
    return NULL;
}

static volatile uint32_t *register_at(uint64_t base, uint32_t offset) {
    return (volatile uint32_t *)base + offset / 4;
}

static uint32_t device_read(const struct guard_device *device, uint32_t offset) {
    return *register_at(device->base, offset);
}

static void device_write(const struct guard_device *device, uint32_t offset, uint32_t value) {
    struct disk *disk = disk_at(device->base);
    CHECK(disk != NULL);
    if (offset == Status && value == 0) {
        disk_begin_reset(disk);
        return;
    }
    disk->registers[offset / 4] = value;
    if (offset == QueueReady || offset == QueuePFN) {
        disk_take_queue(disk, device->ring.own->rings);
    }
    if (offset == QueueNotify) {
        disk_notice(disk);
    }
}

/* ---- the kernel around the guard ---- */

static void clock_advance(uint64_t ns) {
    for (uint64_t end_ns = now_ns + ns; now_ns < end_ns;) {
        now_ns += CLOCK_STEP;
        CHECK(now_ns < hangs_at_ns);
        for (unsigned i = 0; i < DISKS; i++) {
            disk_work(&disks[i]);
        }
    }
}

uint64_t timer_now_ns(void) {
    clock_advance(CLOCK_STEP);
    return now_ns;
}

static char console[1024];
static size_t console_bytes;
static jmp_buf panicked;

void uart_write(const void *bytes, size_t length_bytes) {
    CHECK(length_bytes < sizeof console - console_bytes);
    memcpy(console + console_bytes, bytes, length_bytes);
    console_bytes += length_bytes;
}

bool uart_is_at_line_start(void) {
    return true;
}

void panic_begin(void) {
    print_text("panic: ");
}

void panic_end(void) {
    longjmp(panicked, 1);
}

/* Nothing here takes a step or a key. */
#define wasm_host_step(...)          false
#define wasm_host_receive(byte, ...) ((byte) == 0)

#include "../../shim/driver.c"
#include "../../shim/guard.c"
#include "../../shim/guard_queue.c"
#include "../../shim/guard_refuse.c"
#include "../../shim/print.c"
#include "../../shim/shadow_ring.c"

/* ---- the module ---- */

static void passes(uint32_t window, uint32_t offset, uint32_t value) {
    const char *fault = guard_write32(window, offset, value);
    if (fault != NULL) {
        printf("%s\n", fault);
    }
    CHECK(fault == NULL);
}

static void is_refused(uint32_t window, uint32_t offset, uint32_t value, const char *rule) {
    const char *fault = guard_write32(window, offset, value);
    CHECK(fault != NULL && strstr(fault, rule) != NULL);
}

static uint32_t status_of(uint32_t window) {
    uint32_t status;
    CHECK(guard_read32(window, Status, &status) == NULL);
    return status;
}

static uint32_t parts_of(uint32_t window) {
    return (window - 1) * PARTS_BYTES + PAGE;
}

/* The index of the used ring as the module sees it. */
static uint16_t used_idx_of(uint32_t window) {
    uint16_t idx;
    memcpy(&idx, memory + parts_of(window) + PAGE + 2, sizeof idx);
    return idx;
}

/* A chain of one buffer, for the disk to write, is published as number `avail_idx`. */
static void module_publish(uint32_t window, uint16_t avail_idx) {
    uint32_t parts = parts_of(window);
    uint16_t flags = VIRTQ_DESC_F_WRITE;
    uint64_t address = parts + 2 * PAGE;
    uint32_t length_bytes = DATA_BYTES;
    memcpy(memory + parts, &address, sizeof address);
    memcpy(memory + parts + 8, &length_bytes, sizeof length_bytes);
    memcpy(memory + parts + 12, &flags, sizeof flags);
    memcpy(memory + parts + 16 * QUEUE + 2, &avail_idx, sizeof avail_idx);
}

static bool is_modern(uint32_t window) {
    return *register_at(windows[window].base, Version) == VIRTIO_MODERN;
}

/* The registers that say where the queue is, but for the last one. */
static void module_place_queue(uint32_t window) {
    uint32_t parts = parts_of(window);
    passes(window, QueueSel, 0);
    passes(window, QueueSize, QUEUE);
    if (is_modern(window)) {
        passes(window, QueueDescLow, parts);
        passes(window, QueueDriverLow, parts + 16 * QUEUE);
        passes(window, QueueDeviceLow, parts + PAGE);
    } else {
        passes(window, GuestPageSize, PAGE);
        passes(window, QueueAlign, PAGE);
    }
}

static uint32_t last_register(uint32_t window) {
    return is_modern(window) ? QueueReady : QueuePFN;
}

static uint32_t last_value(uint32_t window) {
    return is_modern(window) ? 1 : parts_of(window) / PAGE;
}

/* Brings a disk up that is not in a reset, and gives it a chain to write to. */
static void module_use(uint32_t window) {
    uint64_t writes = disks[window - 1].writes;
    module_place_queue(window);
    passes(window, last_register(window), last_value(window));
    passes(window, Status, DRIVER_OK);
    module_publish(window, 1);
    passes(window, QueueNotify, 0);
    clock_advance(CLOCK_STEP);
    CHECK(disks[window - 1].writes == writes + 1);
    CHECK(guard_fence() == NULL && used_idx_of(window) == 1);
}

/* ---- the tests ---- */

static void identify(uint32_t *registers, uint32_t version, uint32_t device_id) {
    registers[MagicValue / 4] = VIRTIO_MAGIC;
    registers[Version / 4] = version;
    registers[DeviceID / 4] = device_id;
    registers[QueueSizeMax / 4] = SHADOW_SIZE_MAX;
}

static void load_guard(void) {
    memset(memory, 0, sizeof memory);
    guard_init(&(struct guard_grant){.windows = windows,
                                     .window_count = WINDOWS,
                                     .memory = memory,
                                     .memory_bytes = MEMORY_BYTES});
}

/* Two disks whose resets take so long, in windows 1 and 2, and a module that uses both. */
static void set_up(uint32_t version, uint64_t first_takes_ns, uint64_t second_takes_ns) {
    memset(devices, 0, sizeof devices);
    memset(disks, 0, sizeof disks);
    hangs_at_ns = now_ns + HANGS_AFTER;
    identify(other_registers, version, 1);
    windows[0] = (struct fdt_region){(uint64_t)other_registers, 0x1000};
    for (unsigned i = 0; i < DISKS; i++) {
        identify(disks[i].registers, version, VIRTIO_ID_BLOCK);
        windows[i + 1] = (struct fdt_region){(uint64_t)disks[i].registers, 0x1000};
    }
    load_guard();
    module_use(1);
    module_use(2);
    disks[0].reset_takes_ns = first_takes_ns;
    disks[1].reset_takes_ns = second_takes_ns;
}

static bool is_quiet(const struct disk *disk) {
    return disk->reset_ends_ns == 0 && !disk->has_queue;
}

/* Nothing lands in linear memory from now on. */
static void check_silence(void) {
    static uint8_t before[MEMORY_BYTES];
    memcpy(before, memory, MEMORY_BYTES);
    clock_advance(2000 * MS);
    CHECK(memcmp(before, memory, MEMORY_BYTES) == 0);
}

/* All are reset, after as long as it takes, and until then the module is shown nothing new. */
static void check_reset(uint64_t takes_ns) {
    uint64_t since_ns = now_ns;
    uint16_t used[DISKS] = {used_idx_of(1), used_idx_of(2)};
    CHECK(guard_reset_all() == 0);
    CHECK(now_ns - since_ns >= takes_ns && now_ns - since_ns <= takes_ns + 3 * CLOCK_STEP);
    CHECK(is_quiet(&disks[0]) && is_quiet(&disks[1]));
    CHECK(used_idx_of(1) == used[0] && used_idx_of(2) == used[1]);
    CHECK(guard_fence() == NULL);
    check_silence();
}

static void test_waiting(uint32_t version) {
    set_up(version, 0, 0);
    check_reset(0);
    set_up(version, 500 * MS, 500 * MS);
    uint64_t writes = disks[0].writes;
    check_reset(500 * MS);
    CHECK(disks[0].writes > writes + 400); /* it did go on in between */
    load_guard();
    module_use(1); /* and the next instance may use it */
}

static void test_two(uint32_t version) {
    set_up(version, 900 * MS, 0);
    check_reset(900 * MS);
    set_up(version, 0, 900 * MS);
    check_reset(900 * MS);
    set_up(version, 700 * MS, 900 * MS); /* both at a time */
    check_reset(900 * MS);
}

/* One that stays in its reset is named after a second, whichever it is. */
static void test_stuck(uint32_t version) {
    for (unsigned stuck = 0; stuck < DISKS; stuck++) {
        set_up(version, stuck == 0 ? NEVER : 0, stuck == 1 ? NEVER : 0);
        uint64_t since_ns = now_ns;
        CHECK(guard_reset_all() == windows[stuck + 1].base);
        CHECK(now_ns - since_ns >= 1000 * MS && now_ns - since_ns <= 1003 * MS);
        CHECK(is_quiet(&disks[1 - stuck]));

        /* Another instance does not get a queue in it before it is out of that. */
        load_guard();
        passes(stuck + 1, QueueSel, 0);
        is_refused(stuck + 1, QueueSize, QUEUE, "queue before the reset has been seen to end");
        disks[stuck].reset_ends_ns = now_ns;
        clock_advance(CLOCK_STEP);
        CHECK(status_of(stuck + 1) == 0);
        module_use(stuck + 1);
    }
}

/* What a module may not do between Status = 0 and the end of the reset. */
static void check_refusals(uint32_t window) {
    static const char rule[] = "queue before the reset has been seen to end";
    static const uint32_t modern[] = {QueueSize, QueueDescLow, QueueDriverLow, QueueDeviceLow + 4};
    static const uint32_t legacy[] = {QueueSize, GuestPageSize, QueueAlign};
    passes(window, QueueSel, 0);
    for (unsigned i = 0; i < 4 && is_modern(window); i++) {
        is_refused(window, modern[i], PAGE, rule);
    }
    for (unsigned i = 0; i < 3 && !is_modern(window); i++) {
        is_refused(window, legacy[i], PAGE, rule);
    }
    is_refused(window, last_register(window), last_value(window), rule);
    is_refused(window, DriverFeatures, 0, "features after the queue");
}

/* A disk is reset by the module itself, in the middle of its work. */
static void test_module_resets(uint32_t version, uint32_t zero) {
    set_up(version, 500 * MS, 0);
    passes(1, Status, zero);
    uint16_t used = used_idx_of(1);
    CHECK(status_of(1) == DRIVER_OK);
    check_refusals(1);

    /* What the disk goes on with is not shown, and it is given nothing new. */
    module_publish(1, 2);
    passes(1, QueueNotify, 0);
    clock_advance(100 * MS);
    CHECK(guard_fence() == NULL && used_idx_of(1) == used);
    CHECK(disk_avail_idx(&disks[0]) == 1);
    CHECK(status_of(1) == DRIVER_OK);
    check_refusals(1);

    /* It is not enough that the reset has ended: the module must have waited for it. */
    clock_advance(500 * MS);
    CHECK(is_quiet(&disks[0]));
    check_refusals(1);
    passes(1, Status, 1);
    CHECK(status_of(1) == 1);
    check_refusals(1);

    disks[0].reset_takes_ns = 0;
    passes(1, Status, 0);
    CHECK(status_of(1) == 0);
    module_use(1);
}

/* Without a queue in the device there is nothing that a reset could leave behind. */
static void test_no_queue(uint32_t version) {
    set_up(version, 0, 0);
    passes(1, Status, 0);
    CHECK(status_of(1) == 0);
    disks[0].reset_takes_ns = 500 * MS;
    passes(1, Status, 0);
    module_place_queue(1);
}

/* ---- the restart ---- */

static unsigned instances;
static unsigned renewals;
static unsigned handovers;

/* The first instance uses both disks and fails. */
bool wasm_host_start(struct text *cause) {
    if (instances++ == 0) {
        text_add(cause, "a fault");
        return false;
    }
    return true;
}

void handover_take(void) {
    handovers++;
}

void canary_check(void) {
    CHECK(is_quiet(&disks[0]) && is_quiet(&disks[1])); /* what they do is found, too */
}

void wasm_host_renew(void) {
    CHECK(handovers == 1);
    CHECK(is_quiet(&disks[0]) && is_quiet(&disks[1]));
    renewals++;
    load_guard();
}

void wasm_host_print_backtrace(void) {
}

static void start_driver(void) {
    instances = renewals = handovers = 0;
    console_bytes = 0;
    memset(console, 0, sizeof console);
    failure_count = 0;
    driver_start(&(struct host_grant){0}, 5);
}

static void test_restart(uint32_t version) {
    set_up(version, 0, 500 * MS);
    start_driver();
    CHECK(instances == 2 && renewals == 1);
    CHECK(strstr(console, "TSBLK: driver restarted (a fault, 50") != NULL);
    check_silence();
}

static void test_no_restart(uint32_t version) {
    char expected[100];
    set_up(version, 0, NEVER);
    snprintf(expected, sizeof expected,
             "panic: the device at 0x%llx does not come out of its reset, and may still write",
             (unsigned long long)windows[2].base);
    if (setjmp(panicked) == 0) {
        start_driver();
        CHECK(false);
    }
    CHECK(strstr(console, expected) != NULL);
    CHECK(instances == 1 && renewals == 0);
}

int main(void) {
    for (uint32_t version = VIRTIO_LEGACY; version <= VIRTIO_MODERN; version++) {
        test_waiting(version);
        test_two(version);
        test_stuck(version);
        test_module_resets(version, 0);
        test_module_resets(version, 0xffffff00); /* Status has eight bits */
        test_no_queue(version);
        test_restart(version);
        test_no_restart(version);
    }
    return 0;
}
