/*
 * Options are the words `name=number` that the boot arguments begin with, up to the first word that
 * is none; a `;` may follow the last one. `off` is 0. The module never sees them. A word whose name
 * is not known or whose number is out of range is no option: it is left to the module, which says
 * that it knows no such command.
 *
 *     -append "deadline=2000 blktest; poweroff"
 */
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DEADLINE_MS         10000
#define DEADLINE_MS_MINIMUM 100
#define DEADLINE_MS_MAX     3600000
#define RESTARTS_MAX        5
#define DIGITS_MAX          9

static const struct {
    const char *name;
    size_t offset; /* of the number in struct options */
    uint64_t minimum;
    uint64_t maximum;
} known_options[] = {
    {"deadline=", offsetof(struct options, deadline_ms), DEADLINE_MS_MINIMUM, DEADLINE_MS_MAX},
#ifdef GUARD_SWITCH
    {"guard=", offsetof(struct options, guard), 0, 1},
#endif
#if TSBLK_DEBUG
    {"restarts=", offsetof(struct options, restarts_max), 0, UINT32_MAX},
    {"probe=", offsetof(struct options, probe), 0, UINT32_MAX},
    {"chaos=", offsetof(struct options, chaos_ms), 0, UINT32_MAX},
    {"seed=", offsetof(struct options, chaos_seed), 0, UINT32_MAX},
#endif
};

static uint32_t word_end(const char *text, uint32_t at, uint32_t length_bytes) {
    while (at < length_bytes && text[at] != ' ' && text[at] != '\t' && text[at] != ';') {
        at++;
    }
    return at;
}

static uint32_t skip_blanks(const char *text, uint32_t at, uint32_t length_bytes) {
    while (at < length_bytes && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    return at;
}

static bool number_read(const char *text, uint32_t length_bytes, uint64_t *number) {
    *number = 0;
    if (length_bytes == 3 && memcmp(text, "off", 3) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < length_bytes; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return length_bytes > 0 && length_bytes <= DIGITS_MAX;
}

/* Whether the word is an option, which is then taken. */
static bool option_read(const char *word, uint32_t length_bytes, struct options *options) {
    for (size_t i = 0; i < sizeof known_options / sizeof known_options[0]; i++) {
        uint32_t name_bytes = (uint32_t)strlen(known_options[i].name);
        uint64_t number;
        if (length_bytes > name_bytes && memcmp(word, known_options[i].name, name_bytes) == 0 &&
            number_read(word + name_bytes, length_bytes - name_bytes, &number) &&
            number >= known_options[i].minimum && number <= known_options[i].maximum) {
            memcpy((uint8_t *)options + known_options[i].offset, &number, sizeof number);
            return true;
        }
    }
    return false;
}

uint32_t options_read(const char *text, uint32_t length_bytes, struct options *options) {
    *options =
        (struct options){.deadline_ms = DEADLINE_MS, .restarts_max = RESTARTS_MAX, .guard = 1};
    uint32_t at = skip_blanks(text, 0, length_bytes);
    for (;;) {
        uint32_t end = word_end(text, at, length_bytes);
        if (!option_read(text + at, end - at, options)) {
            return at;
        }
        at = skip_blanks(text, end, length_bytes);
        if (at < length_bytes && text[at] == ';') {
            return at + 1;
        }
    }
}
