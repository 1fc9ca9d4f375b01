/*
 * Canary pages around linear memory and around the heap of wasm3: filled with a pattern that
 * depends on the address, and looked at whenever there is nothing to do (at each prompt, that is),
 * when the driver is restarted and when the machine is ended. They prevent nothing. They make a
 * write out of bounds that nobody stopped, by the interpreter or by a device, a panic and not a
 * secret.
 */
#include "canary.h"
#include "panic.h"
#include "print.h"

#include <stdint.h>

#define CANARY_COUNT_MAX 4
#define PATTERN          UINT64_C(0x9e3779b97f4a7c15)

static struct {
    uint64_t *words;
    size_t word_count;
} canaries[CANARY_COUNT_MAX];

static unsigned canary_count;

static uint64_t canary_word(const uint64_t *word) {
    return (uint64_t)word * PATTERN ^ PATTERN;
}

void canary_place(void *page, size_t length_bytes) {
    unsigned index = 0;
    while (index < canary_count && canaries[index].words != page) {
        index++;
    }
    if (index == CANARY_COUNT_MAX) {
        panic("canary: too many pages");
    }
    canary_count = index < canary_count ? canary_count : index + 1;
    canaries[index].words = page;
    canaries[index].word_count = length_bytes / sizeof(uint64_t);
    for (size_t i = 0; i < canaries[index].word_count; i++) {
        canaries[index].words[i] = canary_word(&canaries[index].words[i]);
    }
}

#if TSBLK_DEBUG
void canary_damage(unsigned index) {
    size_t words = canaries[index % CANARY_COUNT_MAX].word_count;
    canaries[index % CANARY_COUNT_MAX].words[words - 1] ^= 1;
}
#endif

void canary_check(void) {
    for (unsigned index = 0; index < canary_count; index++) {
        for (size_t i = 0; i < canaries[index].word_count; i++) {
            const uint64_t *word = &canaries[index].words[i];
            if (*word != canary_word(word)) {
                panic_begin();
                print_text("memory of the kernel has been written to at ");
                print_hex((uint64_t)word, 8);
                panic_end();
            }
        }
    }
}
